/** The differences between the fronts of one configuration. */
import { join, parse } from "node:path";
import type { Config } from "./schema.ts";

/** The configuration as the front with that number uses it: each front has a store of its own. */
export function configOfFront(config: Config, front = 0): Config {
  const { path } = config.store;
  if (path === undefined || front === 0) return config;
  return { ...config, store: { ...config.store, path: storeOfFront(path, front) } };
}

/** Whether the server is a node of a cluster. */
export function hasCluster(config: Config): boolean {
  return config.cluster !== undefined;
}

/** `state.db` is `state-1.db` for front 1. */
function storeOfFront(path: string, front: number): string {
  const { dir, name, ext } = parse(path);
  return join(dir, `${name}-${front}${ext}`);
}
