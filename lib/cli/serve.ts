/** `serve`: runs the server until a signal ends it. */
import { getHeapStatistics } from "node:v8";
import { cellCount, type Config, ConfigError, findConfig, formatProblem } from "../config/config.ts";
import { developmentPage } from "../front/page/page.ts";
import { createLog, type OwnedLog } from "../ops/log.ts";
import { createMetrics } from "../ops/metrics.ts";
import { type OpsServer, startOpsServer } from "../ops/ops_server.ts";
import { currentPermissions, narrowPermissions, type PermissionReport } from "../ops/permissions.ts";
import { createNotifier, type Notifier } from "../ops/systemd.ts";
import { tracingEnabled } from "../ops/tracing.ts";
import { Operations, statusLine } from "../server/operations.ts";
import { needsOf } from "../server/needs.ts";
import { type Server, startServer } from "../server/server.ts";
import type { Io, ParsedArgs } from "./args.ts";
import { prepareDevelopment, welcome } from "./development.ts";
import { certificateFaults, startFaults } from "./faults.ts";
import { load, loadOrReport } from "./load.ts";
import { Signals } from "./signals.ts";
import { VERSION } from "./version.ts";

const STATUS_INTERVAL_MS = 5_000;

/**
 * Runs the server. SIGTERM and SIGINT drain it, a second one ends it at once (130), SIGHUP reloads.
 *
 * @returns 2 if the configuration is wrong, 1 if the server can't start, 0 after a drain.
 */
export async function serve(args: ParsedArgs, io: Io): Promise<number> {
  const signals = new Signals();
  const config = args.dev ? await prepareDevelopment(args.port) : loadOrReport(args, io);
  if (config === null) return 2;
  const file = args.dev ? "--dev" : findConfig(args.config) ?? "";
  const report = (faults: readonly string[]) => {
    for (const fault of faults) io.stderr(fault);
    return faults.length > 0;
  };
  if (report(await certificateFaults(config, file))) return 2;
  const log = createLog({ ...config.log, colours: Deno.stdout.isTerminal() && !Deno.noColor });
  try {
    const running = await start(config, log, args, io);
    signals.onReload(() => running.reload());
    if (args.dev) { for (const line of await welcome(config, Date.now())) io.stdout(line); }
    await signals.stop;
    await running.stop();
    return 0;
  } catch (error) {
    if (report(startFaults(error, config, file))) return 2;
    log.error("start.failed", { error: error instanceof Error ? error.message : String(error) });
    return 1;
  } finally {
    await log.flush();
  }
}

interface Running {
  reload(): Promise<void>;
  stop(): Promise<void>;
}

async function start(config: Config, log: OwnedLog, args: ParsedArgs, io: Io): Promise<Running> {
  const startedAt = Date.now();
  const notifier = createNotifier({
    env: io.env,
    onError: (error) => log.warn("systemd.failed", { error: String(error) }),
  });
  const server = await startServer({
    config,
    log,
    tracing: tracingEnabled(io.env),
    dev: args.dev,
    ...(args.dev ? { page: developmentPage() } : {}),
    memoryAvailable: memoryLimit(config),
  });
  let permissions = currentPermissions();
  const ops = startOps(server, log, startedAt, () => permissions);
  permissions = narrowPermissions(needsOf(config, args.dev ? undefined : findConfig(args.config), notifier.socketPath));
  log.info("listening", { url: server.url, engine: config.server.engine, ops_url: ops?.url ?? null });
  notifier.ready(statusLine(server));
  notifier.watch(() => server.responsive());
  const status = setInterval(() => notifier.status(statusLine(server)), STATUS_INTERVAL_MS);
  return {
    reload: () => reload(server, notifier, () => args.dev ? prepareDevelopment(config.server.port) : load(args, io)),
    async stop() {
      clearInterval(status);
      notifier.stopping("draining");
      await server.drain();
      await ops?.close();
      await server.close();
      await notifier.close();
    },
  };
}

/** What the heaps of this process may grow to, in bytes; a cell may hold as much again outside its heap. */
function memoryLimit({ handlers }: Config): number {
  const cells = handlers.reduce(
    (sum, handler) => sum + 2 * handler.memory * cellCount(handler, navigator.hardwareConcurrency),
    0,
  );
  return getHeapStatistics().heap_size_limit + cells;
}

function startOps(
  server: Server,
  log: OwnedLog,
  startedAt: number,
  permissions: () => PermissionReport,
): OpsServer | undefined {
  const { ops } = server.config;
  if (!ops) return undefined;
  return startOpsServer({
    hostname: ops.host,
    port: ops.port,
    version: VERSION,
    log,
    target: new Operations(server, permissions),
    metrics: createMetrics({ telemetry: server.telemetry, version: VERSION, startedAt, logLost: () => log.lost }),
    ...(ops.admin_token_file === undefined ? {} : { adminToken: Deno.readTextFileSync(ops.admin_token_file).trim() }),
  });
}

/** A configuration that can't be taken over leaves the server as it is; the log says why. */
async function reload(server: Server, notifier: Notifier, next: () => Config | Promise<Config>): Promise<void> {
  notifier.reloading();
  try {
    await server.reload(await next());
  } catch (error) {
    const problems = error instanceof ConfigError
      ? error.problems.map(formatProblem)
      : [error instanceof Error ? error.message : String(error)];
    server.log.error("config.rejected", { problems });
  }
  notifier.ready(statusLine(server));
}
