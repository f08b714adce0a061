/** The processes of a running server, as /proc shows them. Linux only. */

/** One process. */
export interface Process {
  readonly pid: number;
  readonly parent: number;
  /** CPU time of all its threads since its start, in milliseconds. */
  readonly cpuMs: number;
  /** Resident memory in bytes; pages shared with others count for each. */
  readonly rssBytes: number;
}

const PAGE_BYTES = 4096;
/** `sysconf(_SC_CLK_TCK)` is 100 on every Linux that Deno runs on. */
const TICK_MS = 10;

/** `root` and all that descend from it; zombies, which hold nothing any more, are left out. */
export async function processTree(root: number): Promise<Process[]> {
  const all = (await shell("cat /proc/[0-9]*/stat")).split("\n").map(parseStat).filter((one) => one !== null);
  const tree = all.filter(({ pid }) => pid === root);
  for (let at = 0; at < tree.length; at++) tree.push(...all.filter(({ parent }) => parent === tree[at]!.pid));
  return tree;
}

/** Command lines by process, arguments separated by spaces; "" for a process that has ended. */
export async function commandLines(pids: readonly number[]): Promise<Map<number, string>> {
  const lines = pids.map((pid) => `tr '\\0' ' ' < /proc/${pid}/cmdline; echo`).join("\n");
  const text = (await shell(lines)).split("\n");
  return new Map(pids.map((pid, index) => [pid, text[index] ?? ""]));
}

/** Text of /proc/PID/stat, proc_pid_stat(5): the name in parentheses may contain anything. */
function parseStat(line: string): Process | null {
  const fields = line.slice(line.lastIndexOf(")") + 2).split(" ");
  const pid = parseInt(line);
  if (Number.isNaN(pid) || fields[0] === "Z") return null;
  const number = (index: number) => Number(fields[index]);
  return {
    pid,
    parent: number(1),
    cpuMs: (number(11) + number(12)) * TICK_MS,
    rssBytes: number(21) * PAGE_BYTES,
  };
}

async function shell(script: string): Promise<string> {
  const { stdout } = await new Deno.Command("sh", { args: ["-c", script], stderr: "null" }).output();
  return new TextDecoder().decode(stdout);
}
