import { dirname, resolve } from "node:path";
import { PLACEHOLDER } from "../base/descriptors.ts";
import { type Config, namedFiles } from "../config/config.ts";
import type { Needs } from "../ops/permissions.ts";

/**
 * What the front still has to do with files and network once it listens: a reload reads the configuration and the files it names,
 * in their folders, since a renewed file is often another one of that folder; the store writes; the folder `cellSockets` goes
 * with the front.
 */
export function needsOf(config: Config, configPath: string | undefined, cellSockets: string): Needs {
  const { store, server } = config;
  const storeFolder = store.kind === "sqlite" && store.path !== undefined ? [dirname(store.path)] : [];
  const socketFolder = server.unix === undefined ? [] : [dirname(server.unix)];
  return {
    // The placeholder shows whether there are descriptors left.
    read: [...configFolders(config, configPath), ...storeFolder, ...socketFolder, cellSockets, PLACEHOLDER],
    write: [...storeFolder, ...socketFolder, cellSockets],
    // Listening again after a reload, fetching key sets, cells.
    net: true,
  };
}

/**
 * What the supervisor still has to do once a front has begun: start others, for which it reads the configuration again and looks
 * at what that names; start cells; speak with the service manager.
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
    // Deno takes a message to the service manager for use of the network.
    net: own.manager !== null,
    // node:child_process asks for a variable at each start; the environment is known here anyway, for the fronts.
    keep: ["env", "run", "sys"],
  };
}

/** Where the configuration is, and every file that it names. */
function configFolders(config: Config, configPath: string | undefined): string[] {
  return [
    ...(configPath === undefined ? [] : [dirname(resolve(configPath))]),
    ...namedFiles(config).map(({ path }) => dirname(path)),
  ];
}
