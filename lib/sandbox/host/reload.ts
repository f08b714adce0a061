/** Reloads changed module files while the server runs (`--dev`). */
import type { Log } from "../../log/log.ts";
import type { Pool } from "./pool.ts";

/** Files are often written in several steps. They are read after being unchanged for this time (ms). */
const SETTLE_MS = 100;

/**
 * Watches the module's folder until `stop`. If a version does not load, the error is logged and the old version stays.
 */
export function watchModule(pool: Pool, log: Log): { stop(): void } {
  const watcher = Deno.watchFs(pool.folder, { recursive: true });
  let timer: ReturnType<typeof setTimeout> | undefined;
  let running = Promise.resolve();
  const reload = async () => {
    try {
      await pool.reload();
    } catch (error) {
      log.error("handler.failed", {
        module: pool.subprotocol,
        error: error instanceof Error ? error.message : String(error),
        detail: "the changed module was not taken up, the old one stays",
      });
    }
  };
  const watching = (async () => {
    for await (const { kind, paths } of watcher) {
      if (kind === "access" || !paths.some((path) => /\.(?:ts|mts|js|mjs|json)$/.test(path))) continue;
      clearTimeout(timer);
      timer = setTimeout(() => {
        running = running.then(reload);
      }, SETTLE_MS);
    }
  })();
  watching.catch((error) => log.warn("handler.failed", { module: pool.subprotocol, error: String(error) }));
  return {
    stop() {
      clearTimeout(timer);
      watcher.close();
    },
  };
}
