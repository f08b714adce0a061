/** The options of a server. */
import type { SystemLimits } from "../base/system_limits.ts";
import type { Config } from "../config/config.ts";
import type { Page } from "../front/page/page.ts";
import type { Log } from "../log/log.ts";
import type { OpenCluster } from "./open_cluster.ts";
import type { CellStarter, startSandbox } from "../sandbox/sandbox.ts";

/** Options of a server. */
export interface ServerOptions {
  readonly config: Config;
  readonly log: Log;
  /** Development mode: serves `page` at `/` and reloads changed handler modules. */
  readonly dev?: boolean;
  /** Files of the development page by path. */
  readonly page?: Page;
  readonly tracing?: boolean;
  /** Starts the processes of handler modules. */
  readonly cells: CellStarter;
  /** Runs the handlers. Default: the sandbox; benchmarks replace it. */
  readonly startSandbox?: typeof startSandbox;
  /** Creates the node's part of the cluster. Default: what the configuration names. */
  readonly openCluster?: OpenCluster;
  /** Limits of the system for this service. */
  readonly systemLimits?: SystemLimits;
}
