/** Runs jobs of the load generator. */
import type { Figures, Job } from "./job.ts";

/**
 * Runs one job in a process of its own.
 * @throws {Error} With what it wrote to standard error, when it fails.
 */
export async function runLoad(job: Job): Promise<Figures> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "-A", new URL("load.ts", import.meta.url).pathname],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(JSON.stringify(job)));
  await writer.close();
  const { success, stdout, stderr } = await child.output();
  // deno-lint-ignore no-control-regex -- colours of an error report
  if (!success) throw new Error(new TextDecoder().decode(stderr).replace(/\x1b\[[0-9;]*m/g, "").trim());
  return JSON.parse(new TextDecoder().decode(stdout));
}
