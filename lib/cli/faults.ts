/** What is wrong with the files that a configuration names: as much the configuration's fault as its keys are. */
import { KeyError } from "../admission/admission.ts";
import type { Config } from "../config/config.ts";
import { adminTokenFindings } from "../ops/admin_token.ts";
import { certificateFindings } from "../tls/certificate_findings.ts";
import { SandboxError } from "../sandbox/sandbox.ts";

/** A certificate that no client would accept, an admin token that is none: `file: key: what is wrong, what to do`, a line each. */
export async function fileFaults(config: Config, file: string): Promise<string[]> {
  const findings = [...await certificateFindings(config), ...adminTokenFindings(config)];
  return findings.filter(({ severity }) => severity === "error")
    .map(({ where, what, remedy }) => `${file}: ${where}: ${what}, ${remedy}`);
}

/** The keys that can't be used and the modules that don't load, in the same form; none for any other error. */
export function startFaults(error: unknown, { handlers }: Config, file: string): string[] {
  if (error instanceof KeyError) return [`${file}: ${error.message}`];
  const errors: unknown[] = error instanceof AggregateError ? error.errors : [error];
  return errors.filter((one) => one instanceof SandboxError).flatMap(({ module, problems }) => {
    const index = handlers.findIndex((handler) => handler.module === module || handler.subprotocol === module);
    const named = handlers[index]?.module ?? module;
    return problems.map((problem) =>
      `${file}: handlers[${index}].module: ${named} does not load: ${problem}, must be a module that loads`
    );
  });
}
