/** The permissions that front and supervisor keep while they run. */
import { dirname, resolve } from "node:path";
import { PLACEHOLDER } from "../base/descriptors.ts";
import { readSettings } from "../cluster/redis/read_settings.ts";
import { parseRedisUrl } from "../cluster/redis/url.ts";
import { type Config, namedFiles } from "../config/config.ts";
import type { Needs } from "../ops/permissions.ts";

/**
 * Permissions of the front while it listens: a reload reads the configuration and the named files, by their folders
 * because a renewed file is often a new one; the store writes; the folder `cellSockets` is removed at the end. The link to
 * the other nodes connects again.
 */
export function needsOf(config: Config, configPath: string | undefined, cellSockets: string): Needs {
  const { store, server } = config;
  const storeFolder = store.kind === "sqlite" && store.path !== undefined ? [dirname(store.path)] : [];
  const socketFolder = server.unix === undefined ? [] : [dirname(server.unix)];
  const database = databaseSocket(config);
  return {
    // The placeholder file tests for free descriptors.
    read: [
      ...configFolders(config, configPath),
      ...storeFolder,
      ...socketFolder,
      ...database,
      cellSockets,
      PLACEHOLDER,
    ],
    write: [...storeFolder, ...socketFolder, ...database, cellSockets],
    // For listening again after a reload, fetching key sets, cells, and the other nodes.
    net: true,
  };
}

/** The unix socket of the cluster's database. Deno takes a connection to it as reading and writing a file. */
function databaseSocket({ cluster }: Config): string[] {
  if (cluster === undefined) return [];
  const { path } = parseRedisUrl(readSettings(cluster).url);
  return path === undefined ? [] : [path];
}

/**
 * Permissions of the supervisor after the front has started: start further fronts, for which it reads the configuration
 * and the named files; start cells; notify the service manager.
 */
export function supervisorNeeds(
  config: Config,
  configPath: string | undefined,
  own: { readonly folder: string; readonly manager: { readonly socketPath: string | null } | null },
): Needs {
  const socket = own.manager?.socketPath ?? null;
  return {
    read: [...configFolders(config, configPath), own.folder],
    write: [own.folder, ...(socket === null ? [] : [socket])],
    // Deno treats a message to the service manager as use of the network.
    net: own.manager !== null,
    // node:child_process reads a variable at each start. The environment is known here anyway, for the fronts.
    keep: ["env", "run", "sys"],
  };
}

/** Folders of the configuration and of every named file. */
function configFolders(config: Config, configPath: string | undefined): string[] {
  return [
    ...(configPath === undefined ? [] : [dirname(resolve(configPath))]),
    ...namedFiles(config).map(({ path }) => dirname(path)),
  ];
}
