/** `serve`: runs the server until a signal ends it. This process is the supervisor. */
import { createNotifier } from "../ops/systemd.ts";
import { PrivateFolder, probeSystemLimits, Supervisor, thisProgram } from "../sandbox/supervisor/supervisor.ts";
import type { Io, ParsedArgs } from "./args.ts";
import { helpText } from "./help.ts";
import { run } from "./run.ts";
import { INTERRUPTED, listenToSignals } from "./signals.ts";

/** Runs the command line and returns the exit status. */
export function main(words: readonly string[]): Promise<number> {
  return run(words, async (args, io) => {
    if (args.command === "serve") return await serve(args, io);
    io.stdout(helpText(args.topic));
    return 0;
  });
}

/**
 * Runs the server. SIGTERM and SIGINT drain it, a second one ends it at once (130), SIGHUP reloads.
 *
 * @param fronts the number of fronts instead of `server.fronts`
 * @returns 2 if the configuration is invalid, 1 if the server can't start or be kept running, 0 after a drain
 */
export async function serve(args: ParsedArgs, io: Io, fronts?: number): Promise<number> {
  const folder = new PrivateFolder(io.env);
  const served = serving(args, io);
  const warn = (event: string, fields: Record<string, unknown>) =>
    void served().then(({ config }) => config.warn(event, fields));
  const notifier = createNotifier({
    env: io.env,
    onError: (error) => warn("systemd.failed", { error: String(error) }),
  });
  await notifier.prepared;
  const manager = io.env("NOTIFY_SOCKET") === undefined ? null : notifier;
  const supervisor = new Supervisor({
    program: thisProgram(io.env),
    words: args.dev ? ["--dev"] : args.config === undefined ? [] : ["--config", args.config],
    environment: withoutManager(Deno.env.toObject()),
    folder,
    notifier,
    cores: navigator.hardwareConcurrency,
    now: () => performance.now(),
    prepare: async () => ({ ...await (await served()).config.read(), ...(fronts === undefined ? {} : { fronts }) }),
    begun: () => void served().then(({ config }) => config.narrow({ folder: folder.path, manager })),
    restarted: (detail, pause, front) => warn("front.restarted", { front, detail, restart_in_ms: pause }),
  });
  listenToSignals({
    stop: () => supervisor.stop(),
    reload: () => supervisor.reload(),
    interrupt() {
      supervisor.kill();
      folder.remove();
      Deno.exit(INTERRUPTED);
    },
  });
  try {
    return await supervisor.run();
  } catch (error) {
    const problems = (await served()).problemsOf(error);
    if (problems === null) throw error;
    for (const problem of problems) io.stderr(problem);
    return 2;
  } finally {
    folder.remove();
  }
}

/** Loads the configuration code lazily, after the front has been started. */
function serving(args: ParsedArgs, io: Io) {
  const load = async () => {
    const limits = probeSystemLimits();
    const { problemsOf, ServedConfig } = await import("./served_config.ts");
    return { config: new ServedConfig(args, io, limits), problemsOf };
  };
  let loaded: ReturnType<typeof load> | undefined;
  return () => loaded ??= load();
}

/** The environment without the variables of the service manager, which only the supervisor notifies. */
function withoutManager(environment: Readonly<Record<string, string>>): Record<string, string> {
  const { NOTIFY_SOCKET: _socket, WATCHDOG_USEC: _interval, WATCHDOG_PID: _pid, ...rest } = environment;
  return rest;
}
