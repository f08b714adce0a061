/** What the kernel says about a process, from /proc. Linux only, as the whole bench. */

const MICROSECONDS_PER_TICK = 10_000; // USER_HZ is 100 on every Linux that Deno runs on

function statFields(path: string): string[] {
  const text = Deno.readTextFileSync(path);
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}

function microseconds(path: string): number {
  const fields = statFields(path);
  return (Number(fields[11]) + Number(fields[12])) * MICROSECONDS_PER_TICK;
}

/** User and system time of all threads of `pid`, ended ones included, in microseconds. */
export function cpuMicroseconds(pid: number): number {
  return microseconds(`/proc/${pid}/stat`);
}

/** The same for each living thread, by thread id. */
export function threadMicroseconds(pid: number): Map<string, number> {
  const threads = new Map<string, number>();
  for (const { name } of Deno.readDirSync(`/proc/${pid}/task`)) {
    try {
      threads.set(name, microseconds(`/proc/${pid}/task/${name}/stat`));
    } catch {
      continue; // the thread ended meanwhile
    }
  }
  return threads;
}

/** Resident memory of `pid` in bytes. */
export function residentBytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(Deno.readTextFileSync(`/proc/${pid}/status`))?.[1] ?? 0) * 1024;
}

/** Time no core had anything to do, in microseconds, over all cores. */
export function idleMicroseconds(): number {
  const fields = (Deno.readTextFileSync("/proc/stat").split("\n")[0] ?? "").trim().split(/\s+/);
  return (Number(fields[4]) + Number(fields[5])) * MICROSECONDS_PER_TICK;
}

/** How busy who was between start and `end()`: 1 is one core. */
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
