/** The configuration of `serve`, from its file or created for `--dev`. */
import { type Config, ConfigError, findConfig, formatProblem, loadConfig, reloadable } from "../config/config.ts";
import { createLog } from "../log/log.ts";
import { narrowPermissions } from "../ops/permissions.ts";
import type { SystemLimits } from "../base/system_limits.ts";
import type { Serving } from "../sandbox/supervisor/supervisor.ts";
import { supervisorNeeds } from "../server/needs.ts";
import type { Io, ParsedArgs } from "./args.ts";

/** The configuration as the supervisor uses it. */
export class ServedConfig {
  readonly #args: ParsedArgs;
  readonly #io: Io;
  readonly #limits: Promise<SystemLimits>;
  #narrowed = false;
  #last: { config: Config; orders: Omit<Serving["orders"], "limits"> } | undefined;

  constructor(args: ParsedArgs, io: Io, limits: Promise<SystemLimits>) {
    this.#args = args;
    this.#io = io;
    this.#limits = limits;
  }

  /**
   * Reads the configuration again for each front. If the file has become invalid, or has a change that needs a restart of
   * the service, the last configuration is used: fronts side by side have the same one.
   *
   * @throws {ConfigError} if it is invalid the first time
   */
  async read(): Promise<Serving> {
    try {
      const next = this.#args.dev ? await this.#development() : this.#file();
      const { restart } = reloadable(this.#last?.config ?? next.config, next.config);
      if (restart.length === 0) this.#last = next;
      else this.warn("config.rejected", { problems: [`${restart.join(", ")}: needs a restart`] });
    } catch (error) {
      if (this.#last === undefined || !(error instanceof ConfigError)) throw error;
      this.warn("config.rejected", { problems: error.problems.map(formatProblem) });
    }
    const { config, orders } = this.#last!;
    const { fronts, drain_timeout: drainMs } = config.server;
    return { fronts, handlers: config.handlers, drainMs, orders: { ...orders, limits: await this.#limits } };
  }

  /** Gives up permissions that the supervisor no longer needs, once. */
  narrow(own: Parameters<typeof supervisorNeeds>[2]): void {
    if (this.#narrowed || this.#last === undefined) return;
    this.#narrowed = true;
    narrowPermissions(supervisorNeeds(this.#last.config, this.#last.orders.configPath, own));
  }

  /** Writes a line to the log. */
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
    // The front gets the text, so that both use the same handlers.
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

/** The problems of an invalid configuration, one a line; null for any other error. */
export function problemsOf(error: unknown): string[] | null {
  return error instanceof ConfigError ? error.problems.map(formatProblem) : null;
}
