import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type Config, namedFiles } from "../config/config.ts";
import type { Needs } from "../ops/permissions.ts";

/** Where the modules are that a cell which is started again loads. */
const SANDBOX = fileURLToPath(new URL("../sandbox", import.meta.url));

/**
 * What the server still has to do with files and network once it runs: a reload reads the configuration and the files it
 * names, in their folders, since a renewed file is often another one of that folder; a cell that is started again reads its
 * own modules and the handler's; the store writes; the folder of the cells' socket goes with the front.
 */
export function needsOf(config: Config, configPath: string | undefined, cellSockets: string): Needs {
  const { handlers, store, server } = config;
  const storeFolder = store.kind === "sqlite" && store.path !== undefined ? [dirname(store.path)] : [];
  const socketFolder = server.unix === undefined ? [] : [dirname(server.unix)];
  const granted = (kind: "read" | "write") => handlers.flatMap(({ permissions }) => permissions[kind] ?? []);
  return {
    read: [
      SANDBOX,
      ...(configPath === undefined ? [] : [dirname(resolve(configPath))]),
      ...namedFiles(config).map(({ path }) => dirname(path)),
      ...handlers.map(({ module }) => dirname(module)),
      ...storeFolder,
      ...socketFolder,
      cellSockets,
      ...granted("read"),
    ],
    write: [...storeFolder, ...socketFolder, cellSockets, ...granted("write")],
    // Listening again after a reload, fetching key sets, handlers with `net`.
    net: true,
  };
}
