/** Problems of the files that a configuration names. They are reported like problems of its keys. */
import { KeyError } from "../admission/admission.ts";
import { clusterFileFindings } from "../cluster/redis/file_findings.ts";
import type { Config } from "../config/config.ts";
import { adminTokenFindings } from "../ops/admin_token.ts";
import { certificateFindings } from "../tls/certificate_findings.ts";
import { SandboxError } from "../sandbox/sandbox.ts";

/** Problems of certificate, admin token and cluster: `file: key: what is wrong, what to do`, one a line. */
export async function fileFaults(config: Config, file: string): Promise<string[]> {
  const findings = [
    ...await certificateFindings(config),
    ...adminTokenFindings(config),
    ...clusterFileFindings(config),
  ];
  return findings.filter(({ severity }) => severity === "error")
    .map(({ where, what, remedy }) => `${file}: ${where}: ${what}, ${remedy}`);
}

/** Problems of keys and modules in the same form; empty for any other error. */
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
