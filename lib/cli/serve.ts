/** `serve`: runs the server until a signal ends it. This process is the supervisor. */
import { type Config, ConfigError, findConfig, formatProblem, loadConfig } from "../config/config.ts";
import { createLog } from "../ops/log.ts";
import { narrowPermissions, type Needs } from "../ops/permissions.ts";
import { createNotifier } from "../ops/systemd.ts";
import { probeSystemLimits } from "../sandbox/supervisor/limits_probe.ts";
import { PrivateFolder } from "../sandbox/supervisor/private_folder.ts";
import { thisProgram } from "../sandbox/supervisor/program.ts";
import { type Serving, Supervisor } from "../sandbox/supervisor/supervisor.ts";
import { supervisorNeeds } from "../server/needs.ts";
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
 * @returns 2 if the configuration is wrong, 1 if the server can't start or be kept running, 0 after a drain.
 */
async function serve(args: ParsedArgs, io: Io): Promise<number> {
  const folder = PrivateFolder.make(io.env);
  const source = new Source(args, io);
  const notifier = createNotifier({
    env: io.env,
    onError: (error) => source.warn("systemd.failed", { error: String(error) }),
  });
  const manager = io.env("NOTIFY_SOCKET") === undefined ? null : notifier;
  const supervisor = new Supervisor({
    program: thisProgram(io.env),
    words: args.dev ? ["--dev"] : args.config === undefined ? [] : ["--config", args.config],
    environment: withoutManager(Deno.env.toObject()),
    folder,
    notifier,
    cores: navigator.hardwareConcurrency,
    now: () => performance.now(),
    prepare: () => source.read(),
    begun: () => source.narrow((config, path) => supervisorNeeds(config, path, { folder: folder.path, manager })),
    restarted: (detail, pause) => source.warn("front.restarted", { detail, restart_in_ms: pause }),
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
    if (!(error instanceof ConfigError)) throw error;
    for (const problem of error.problems) io.stderr(formatProblem(problem));
    return 2;
  } finally {
    folder.remove();
  }
}

/** The service manager is spoken with by the supervisor alone. */
function withoutManager(environment: Readonly<Record<string, string>>): Record<string, string> {
  const { NOTIFY_SOCKET: _socket, WATCHDOG_USEC: _interval, WATCHDOG_PID: _pid, ...rest } = environment;
  return rest;
}

/** Where the configuration comes from: the file, or `--dev`. */
class Source {
  readonly #args: ParsedArgs;
  readonly #io: Io;
  readonly #limits = probeSystemLimits();
  #narrowed = false;
  #last: { config: Config; orders: Omit<Serving["orders"], "limits"> } | undefined;

  constructor(args: ParsedArgs, io: Io) {
    this.#args = args;
    this.#io = io;
  }

  /**
   * Reads it anew for each front; a file that has become wrong meanwhile is passed over for what it was.
   *
   * @throws {ConfigError} When it is wrong at the first time.
   */
  async read(): Promise<Serving> {
    try {
      this.#last = this.#args.dev ? await this.#development() : this.#file();
    } catch (error) {
      if (this.#last === undefined || !(error instanceof ConfigError)) throw error;
      this.warn("config.rejected", { problems: error.problems.map(formatProblem) });
    }
    const { config, orders } = this.#last;
    const limits = await this.#limits;
    return { handlers: config.handlers, drainMs: config.server.drain_timeout, orders: { ...orders, limits } };
  }

  /** Gives up what is not needed any more, once. */
  narrow(needs: (config: Config, path: string | undefined) => Needs): void {
    if (this.#narrowed || this.#last === undefined) return;
    this.#narrowed = true;
    narrowPermissions(needs(this.#last.config, this.#last.orders.configPath));
  }

  /** Writes a line as the server would. */
  warn(event: string, fields: Record<string, unknown>): void {
    const log = createLog({ ...(this.#last?.config.log ?? { level: "info", format: "json" }) });
    log.warn(event, fields);
    void log.flush();
  }

  #file() {
    const { env } = this.#io;
    const path = findConfig(this.#args.config);
    let text: string | undefined;
    try {
      if (path !== undefined) text = Deno.readTextFileSync(path);
    } catch {
      // Reported by loadConfig.
    }
    const config = loadConfig({
      ...(path === undefined ? {} : { path }),
      ...(text === undefined ? {} : { text }),
      env,
    });
    // The front gets the text, so that both mean the same handlers.
    return {
      config,
      orders: {
        ...(path === undefined ? {} : { configPath: path }),
        ...(text === undefined ? {} : { configText: text }),
      },
    };
  }

  async #development() {
    if (this.#last !== undefined) return this.#last;
    const { prepareDevelopment } = await import("./development.ts");
    const config = await prepareDevelopment(this.#args.port);
    return { config, orders: { port: config.server.port } };
  }
}
