/** `keys`: creates a key pair or a secret. */
import { makeKeys } from "../admission/admission.ts";
import type { Io, ParsedArgs } from "./args.ts";

/**
 * Writes the files and prints their paths, one a line. Never overwrites.
 *
 * @returns 1 if a file exists or can't be written, else 0
 */
export async function keys(args: ParsedArgs, io: Io): Promise<number> {
  const { alg, out = "." } = args;
  try {
    for (const path of await makeKeys(alg, out)) io.stdout(path);
    return 0;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) {
      io.stderr(`${out}: ${alg} keys are there already, nothing was written: name another folder, or move them away`);
      return 1;
    }
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied || isIoError(error)) {
      io.stderr(`${out}: can't be written (${(error as Error).name})`);
      return 1;
    }
    throw error;
  }
}

/** Whether the error comes from the file system: a file as part of the path, a full disk, a read-only mount. */
function isIoError(error: unknown): boolean {
  return error instanceof Error && typeof (error as { code?: unknown }).code === "string";
}
