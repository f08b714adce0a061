/** What `check` finds out by loading the handler modules. */
import type { Config } from "../config/config.ts";
import type { Finding } from "../config/findings.ts";
import { loadModules } from "./load.ts";

/** Modules that don't load are errors; limits for methods that no module has are warnings. */
export async function moduleFindings({ handlers, limits }: Config): Promise<Finding[]> {
  const findings: Finding[] = [];
  const methods = new Set<string>();
  const loaded = await loadModules(handlers, () => {});
  for (const [index, module] of loaded.entries()) {
    if ("contract" in module) {
      for (const method of module.contract.methods.keys()) methods.add(method);
      continue;
    }
    for (const problem of module.problems) {
      findings.push({
        severity: "error",
        what: `${module.subprotocol} does not load: ${problem}`,
        where: `handlers[${index}].module`,
        why: "The server does not start with a module it can't load",
        remedy: "Mend the module",
      });
    }
  }
  const complete = loaded.every((module) => "contract" in module);
  for (const method of complete ? Object.keys(limits.types) : []) {
    if (methods.has(method)) continue;
    findings.push({
      severity: "warning",
      what: `No module has a method ${JSON.stringify(method)}`,
      where: `limits.types.${JSON.stringify(method)}`,
      why: "A limit for a method that is not there limits nothing",
      remedy: "Correct its name, or remove it",
    });
  }
  return findings;
}
