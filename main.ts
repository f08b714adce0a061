#!/usr/bin/env -S deno run
/** The command line, nothing else. */
import { type Io, parseCommandLine, type ParsedArgs, UsageError } from "./lib/cli/args.ts";
import { authFindings } from "./lib/admission/admission.ts";
import { check } from "./lib/cli/check.ts";
import { contract } from "./lib/cli/contract.ts";
import { help } from "./lib/cli/help.ts";
import { keys } from "./lib/cli/keys.ts";
import { serve } from "./lib/cli/serve.ts";
import { token } from "./lib/cli/token.ts";
import { version } from "./lib/cli/version.ts";
import { certificateFindings } from "./lib/ops/certificate_findings.ts";
import { moduleFindings } from "./lib/sandbox/host/module_findings.ts";

const COMMANDS: Record<ParsedArgs["command"], (args: ParsedArgs, io: Io) => Promise<number>> = {
  serve,
  check: (args, io) => check(args, io, { checkers: [authFindings, certificateFindings, moduleFindings] }),
  token,
  keys,
  contract,
  version,
  help,
};

/** Runs one command line and returns the exit status: 0 done, 1 failed, 2 wrong usage or configuration. */
async function main(words: readonly string[]): Promise<number> {
  const encoder = new TextEncoder();
  const environment = new Map(Object.entries(Deno.env.toObject()));
  const io: Io = {
    stdout: (line) => writeAll(Deno.stdout, encoder.encode(`${line}\n`)),
    stderr: (line) => writeAll(Deno.stderr, encoder.encode(`${line}\n`)),
    // Read once: the running server gives the permission up.
    env: (name) => environment.get(name),
  };
  try {
    const args = parseCommandLine(words);
    return await COMMANDS[args.command](args, io);
  } catch (error) {
    io.stderr(error instanceof Error ? error.message : String(error));
    return error instanceof UsageError ? 2 : 1;
  }
}

/** A pipe may take less than it is given. */
function writeAll(output: { writeSync(bytes: Uint8Array): number }, bytes: Uint8Array): void {
  while (bytes.length > 0) bytes = bytes.subarray(output.writeSync(bytes));
}

if (import.meta.main) Deno.exit(await main(Deno.args));
