/** Reads the system's limits, which Deno shows only to a process with all permissions. */
import { type SystemLimits, UNKNOWN_LIMITS } from "../../base/system_limits.ts";

const PROBE_MS = 5_000;

/**
 * Runs a fixed script with all permissions that prints two numbers. Needs the permission to run `Deno.execPath()`. The
 * limits are unknown if that fails, and in a compiled executable, which runs no scripts.
 */
export async function probeSystemLimits(): Promise<SystemLimits> {
  if (Deno.build.standalone) return UNKNOWN_LIMITS;
  try {
    const { success, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", "--no-config", "--no-lock", "--quiet", `(${readLimits})()`],
      clearEnv: true,
      stdin: "null",
      stdout: "piped",
      stderr: "null",
      signal: AbortSignal.timeout(PROBE_MS),
    }).output();
    return success ? parseLimits(new TextDecoder().decode(stdout)) : UNKNOWN_LIMITS;
  } catch {
    return UNKNOWN_LIMITS;
  }
}

/** Parses the output of the probe. Invalid numbers count as unknown. */
export function parseLimits(text: string): SystemLimits {
  const [openFiles, memoryBytes] = text.trim().split(" ").map((word) =>
    /^[0-9]{1,15}$/.test(word) ? Number(word) : null
  );
  return { openFiles: openFiles ?? null, memoryBytes: memoryBytes ?? null };
}

/**
 * The probe. It runs from its source text in another process, so it must not use names from outside. The memory is the
 * smallest limit of the control group and its parents (`memory.max` of cgroup v2, `memory.limit_in_bytes` of v1).
 */
function readLimits(): void {
  const read = (path: string) => {
    try {
      return Deno.readTextFileSync(path).trim();
    } catch {
      return "";
    }
  };
  const openFiles = /^Max open files +(\d+)/m.exec(read("/proc/self/limits"))?.[1] ?? "-";
  let memory = Infinity;
  for (const line of read("/proc/self/cgroup").split("\n")) {
    const [, controllers, group = ""] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    const [root, file] = controllers === ""
      ? ["/sys/fs/cgroup", "memory.max"]
      : ["/sys/fs/cgroup/memory", "memory.limit_in_bytes"];
    if (controllers !== "" && controllers !== "memory") continue;
    for (let path = group;; path = path.slice(0, path.lastIndexOf("/"))) {
      const bytes = Number.parseInt(read(`${root}${path}/${file}`));
      // In cgroup v1 a number of about 2^63 means unlimited.
      if (bytes > 0 && bytes < 2 ** 53) memory = Math.min(memory, bytes);
      if (path === "" || !path.includes("/")) break;
    }
  }
  Deno.stdout.writeSync(new TextEncoder().encode(`${openFiles} ${memory === Infinity ? "-" : memory}`));
}
