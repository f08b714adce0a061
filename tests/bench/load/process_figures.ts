/** Figures of a process and its children, from /proc. Linux only, as the whole bench. */

const MICROSECONDS_PER_TICK = 10_000; // USER_HZ is 100 on every Linux that Deno runs on

function statFields(path: string): string[] {
  const text = Deno.readTextFileSync(path);
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}

/** Time used, by its two fields of `stat` from `field` on. */
function microseconds(path: string, field = USED): number {
  const fields = statFields(path);
  return (Number(fields[field]) + Number(fields[field + 1])) * MICROSECONDS_PER_TICK;
}

/** Places in `stat` of the time of a process, and of its children that have been reaped. */
const USED = 11;
const USED_BY_REAPED = 13;

/** The living children of a process. A server has no grandchildren. */
function childrenOf(pid: number): number[] {
  return [...Deno.readDirSync(`/proc/${pid}/task`)].flatMap(({ name }) => {
    const text = orNothing(() => Deno.readTextFileSync(`/proc/${pid}/task/${name}/children`)) ?? "";
    return text.trim().split(" ").filter((word) => word !== "").map(Number);
  });
}

/** A process that ends during the reading counts for nothing. */
function orNothing<Value>(look: () => Value): Value | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}

/** User and system time of `pid` and its children, ended ones included, in microseconds. */
export function cpuMicroseconds(pid: number): number {
  const own = microseconds(`/proc/${pid}/stat`) + microseconds(`/proc/${pid}/stat`, USED_BY_REAPED);
  const used = childrenOf(pid).map((child) => orNothing(() => microseconds(`/proc/${child}/stat`)) ?? 0);
  return used.reduce((sum, value) => sum + value, own);
}

/** The same for each living thread, by thread id. */
export function threadMicroseconds(pid: number): Map<string, number> {
  const threads = new Map<string, number>();
  for (const process of [pid, ...childrenOf(pid)]) {
    for (const { name } of orNothing(() => [...Deno.readDirSync(`/proc/${process}/task`)]) ?? []) {
      const used = orNothing(() => microseconds(`/proc/${process}/task/${name}/stat`));
      if (used !== undefined) threads.set(name, used);
    }
  }
  return threads;
}

/** Resident memory of `pid` and its children in bytes; the program's file, which they share, counts once. */
export function residentBytes(pid: number): number {
  let [anonymous, file] = [0, 0];
  const texts = childrenOf(pid).map((child) => orNothing(() => Deno.readTextFileSync(`/proc/${child}/status`)) ?? "");
  for (const text of [Deno.readTextFileSync(`/proc/${pid}/status`), ...texts]) {
    const kilobytes = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? 0);
    anonymous += kilobytes("RssAnon") + kilobytes("RssShmem");
    file = Math.max(file, kilobytes("RssFile"));
  }
  return (anonymous + file) * 1024;
}

/** Time no core had anything to do, in microseconds, over all cores. */
export function idleMicroseconds(): number {
  const fields = (Deno.readTextFileSync("/proc/stat").split("\n")[0] ?? "").trim().split(/\s+/);
  return (Number(fields[4]) + Number(fields[5])) * MICROSECONDS_PER_TICK;
}

/** The load of each process between start and `end()`: 1 is one core. */
export interface Usage {
  readonly seconds: number;
  readonly serverCpuUs: number;
  readonly serverCores: number;
  readonly busiestThread: number;
  readonly loadCores: number;
  readonly idleCores: number;
}

/** Starts a clock over the server `pid`, this process and the machine. */
export function watch(pid: number): { end(): Usage } {
  const server = cpuMicroseconds(pid);
  const threads = threadMicroseconds(pid);
  const load = cpuMicroseconds(Deno.pid);
  const idle = idleMicroseconds();
  const started = performance.now();
  return {
    end() {
      const elapsedUs = (performance.now() - started) * 1000;
      const serverCpuUs = cpuMicroseconds(pid) - server;
      let busiest = 0;
      for (const [id, used] of threadMicroseconds(pid)) busiest = Math.max(busiest, used - (threads.get(id) ?? 0));
      return {
        seconds: elapsedUs / 1e6,
        serverCpuUs,
        serverCores: serverCpuUs / elapsedUs,
        busiestThread: busiest / elapsedUs,
        loadCores: (cpuMicroseconds(Deno.pid) - load) / elapsedUs,
        idleCores: (idleMicroseconds() - idle) / elapsedUs,
      };
    },
  };
}
