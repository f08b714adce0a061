import type { SystemLimits } from "../base/system_limits.ts";
import type { Config } from "../config/config.ts";
import type { PageFile } from "../front/page/page.ts";
import type { Log } from "../log/log.ts";
import type { CellStarter, startSandbox } from "../sandbox/sandbox.ts";

/** What a server is started with. */
export interface ServerOptions {
  readonly config: Config;
  readonly log: Log;
  /** Development: serves `page` at `/`, takes up changed handler modules. */
  readonly dev?: boolean;
  /** The development page by path. */
  readonly page?: ReadonlyMap<string, PageFile>;
  readonly tracing?: boolean;
  /** Starts the processes of the handler modules. */
  readonly cells: CellStarter;
  /** What runs the handlers; the sandbox unless a measurement puts something else in its place. */
  readonly startSandbox?: typeof startSandbox;
  /** What the system lets this service use. */
  readonly systemLimits?: SystemLimits;
}
