/** The processes of a running server, as the system shows them. */

/** The process and all that it started, and so on. */
export async function processesOf(pid: number): Promise<number[]> {
  const children = await Deno.readTextFile(`/proc/${pid}/task/${pid}/children`).catch(() => "");
  const below = children.split(" ").filter((word) => word !== "").map((word) => processesOf(Number(word)));
  return [pid, ...(await Promise.all(below)).flat()];
}

/** Leaves each of the processes `left` descriptors beside those it has; returns how to give the rest back. */
export async function takeDescriptors(pids: readonly number[], left: number): Promise<() => Promise<void>> {
  const before = new Map<number, string>();
  for (const pid of pids) {
    before.set(pid, await softLimit(pid));
    await setSoftLimit(pid, String(await limitFor(pid, left)));
  }
  return async () => {
    for (const [pid, limit] of before) await setSoftLimit(pid, limit);
  };
}

/** Whether descriptors can be taken away here: by `prlimit`, of Linux. */
export async function canTakeDescriptors(): Promise<boolean> {
  return await softLimit(Deno.pid).then(() => true, () => false);
}

/** The limit below which `left` numbers are free: a new descriptor takes the lowest, and the limit is on numbers. */
async function limitFor(pid: number, left: number): Promise<number> {
  const taken = new Set<number>();
  for await (const { name } of Deno.readDir(`/proc/${pid}/fd`)) taken.add(Number(name));
  let limit = 0;
  for (let free = 0; free < left; limit++) if (!taken.has(limit)) free++;
  return limit;
}

async function softLimit(pid: number): Promise<string> {
  return (await prlimit(["--pid", String(pid), "--nofile", "--output", "SOFT", "--noheadings"])).trim();
}

async function setSoftLimit(pid: number, limit: string): Promise<void> {
  await prlimit(["--pid", String(pid), `--nofile=${limit}:`]);
}

async function prlimit(args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("prlimit", { args: [...args] }).output();
  if (!success) throw new Error(`prlimit failed: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}
