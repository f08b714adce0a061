/** Findings about handler modules, which `check` loads. */
import type { Config } from "../config/config.ts";
import type { Finding } from "../config/findings/findings.ts";
import { loadModules } from "./load_modules.ts";
import { type CellStarter, type Contract, SERVER_METHODS } from "./sandbox.ts";

/** Modules that don't load are errors. Limits of methods that no module has, and costs above a burst, are warnings. */
export async function moduleFindings({ handlers, limits }: Config, cells: CellStarter): Promise<Finding[]> {
  const findings: Finding[] = [];
  const methods = new Set<string>(SERVER_METHODS);
  const loaded = await loadModules(handlers, cells, () => {});
  for (const [index, module] of loaded.entries()) {
    if ("contract" in module) {
      for (const method of module.contract.methods.keys()) methods.add(method);
      findings.push(...costFindings(module.contract, limits, `handlers[${index}].module`));
      continue;
    }
    for (const problem of module.problems) {
      findings.push({
        severity: "error",
        what: `${module.file} (${module.subprotocol}) does not load: ${problem}`,
        where: `handlers[${index}].module`,
        why: "The server does not start with a module that does not load",
        remedy: "Correct the module",
      });
    }
  }
  const complete = loaded.every((module) => "contract" in module);
  for (const method of complete ? Object.keys(limits.types) : []) {
    if (methods.has(method)) continue;
    findings.push({
      severity: "warning",
      what: `Neither the server nor a module has a method ${JSON.stringify(method)}`,
      where: `limits.types.${JSON.stringify(method)}`,
      why: "The limit has no effect",
      remedy: "Correct its name, or remove it",
    });
  }
  return findings;
}

/**
 * A method's cost is taken from three buckets. A bucket with a smaller burst passes the call only when full, and is
 * then in debt.
 */
function costFindings({ methods }: Contract, limits: Config["limits"], where: string): Finding[] {
  const findings: Finding[] = [];
  for (const { name, cost } of methods.values()) {
    const small = (["connection", "user", "ip"] as const).filter((scope) => cost > limits[scope].burst);
    if (small.length === 0) continue;
    const bursts = small.map((scope) => `limits.${scope}.burst is ${limits[scope].burst}`).join(", ");
    findings.push({
      severity: "warning",
      what: `Method ${JSON.stringify(name)} costs ${cost}, ${bursts}`,
      where,
      why: "A call needs a full bucket, and other calls are then refused until the bucket is above zero again",
      remedy: `Lower its cost, or raise the burst to at least ${cost}`,
    });
  }
  return findings;
}
