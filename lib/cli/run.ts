/** Runs one command line. */
import { printable } from "../log/log.ts";
import { type Io, parseCommandLine, type ParsedArgs, UsageError } from "./args.ts";

/** Runs a command. Returns the exit status: 0 done, 1 failed, 2 wrong usage or configuration. */
export async function run(
  words: readonly string[],
  command: (args: ParsedArgs, io: Io) => Promise<number>,
): Promise<number> {
  const io = processIo();
  try {
    return await command(parseCommandLine(words), io);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    for (const line of message.split("\n")) io.stderr(line);
    return error instanceof UsageError ? 2 : 1;
  }
}

/** Output and environment of this process. */
export function processIo(): Io {
  const encoder = new TextEncoder();
  const environment = Deno.env.toObject();
  return {
    stdout: (line) => writeAll(Deno.stdout, encoder.encode(`${printable(line)}\n`)),
    stderr: (line) => writeAll(Deno.stderr, encoder.encode(`${printable(line)}\n`)),
    // Read once, because the running server gives the permission up.
    env: (name) => Object.hasOwn(environment, name) ? environment[name] : undefined,
  };
}

/** A pipe may accept only part of the bytes. */
function writeAll(output: { writeSync(bytes: Uint8Array): number }, bytes: Uint8Array): void {
  while (bytes.length > 0) bytes = bytes.subarray(output.writeSync(bytes));
}
