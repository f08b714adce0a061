/** Finds the masters of an endpoint, and the partitions of each. */
import { type Access, Connection, type Reply } from "./connection.ts";
import { within } from "./deadline.ts";
import { ALL_PARTITIONS, slotOf } from "./partitions.ts";
import { type Address, isLocal } from "./url.ts";

/** A master with its partitions. Without an address, it is behind the unix socket of the endpoint. */
export interface Master {
  readonly address: Address | undefined;
  readonly partitions: readonly number[];
}

const ANSWER_MS = 2_000;

/** A master that a sentinel or a node on this machine names, but that is elsewhere: it must not be reached without TLS. */
export function isExposed({ endpoint }: Access, { address }: Master): boolean {
  return !endpoint.tls && address !== undefined && !isLocal({ hosts: [address] });
}

/** A name for a master, unique in its endpoint. */
export function masterName({ address }: Master): string {
  return address === undefined ? "unix" : `${address.host}:${address.port}`;
}

/**
 * Asks for the current masters: the hosts of the endpoint in order, then, in a Redis Cluster, the known masters, until
 * one answers, or the signal ends it.
 *
 * @throws {Error} if none does; the message says why the last one failed
 */
export async function findMasters(
  access: Access,
  known: readonly Master[],
  signal?: AbortSignal,
): Promise<Master[]> {
  const { kind, hosts, path } = access.endpoint;
  if (kind === "single") {
    return [{ address: path === undefined ? hosts[0] : undefined, partitions: ALL_PARTITIONS }];
  }
  const others = kind === "cluster" ? known.flatMap(({ address }) => address ?? []) : [];
  let reason = new Error("no host");
  for (const host of [...hosts, ...others]) {
    if (signal?.aborted) break;
    try {
      return await (kind === "sentinel" ? askSentinel(access, host) : askNode(access, host));
    } catch (error) {
      reason = error as Error;
    }
  }
  throw reason;
}

async function askSentinel(access: Access, host: Address): Promise<Master[]> {
  const { master } = access.endpoint;
  const reply = await sentinelReply(access, host, ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", master!]);
  if (!Array.isArray(reply)) throw new Error(`The sentinel knows no master ${master}`);
  return [{ address: { host: String(reply[0]), port: Number(reply[1]) }, partitions: ALL_PARTITIONS }];
}

/** Sentinels often have no password although the servers have one. */
async function sentinelReply(access: Access, host: Address, args: string[]): Promise<Reply> {
  const { username: _, password: __, ...endpoint } = { ...access.endpoint, database: 0 };
  const withCredentials = { ...access, endpoint: { ...access.endpoint, database: 0 } };
  try {
    return await ask(withCredentials, host, args);
  } catch (error) {
    if (!/AUTH|WRONGPASS|NOPERM/.test(String(error))) throw error;
    return await ask({ endpoint, settings: { ...access.settings, password: undefined } }, host, args);
  }
}

async function askNode(access: Access, host: Address): Promise<Master[]> {
  const reply = await ask(access, host, ["CLUSTER", "SLOTS"]);
  if (!Array.isArray(reply)) throw new Error("CLUSTER SLOTS has no list as its reply");
  const ranges = reply.map((range) => readRange(range, host));
  const masters = new Map<string, { address: Address; partitions: number[] }>();
  for (const partition of ALL_PARTITIONS) {
    const slot = slotOf(partition);
    const range = ranges.find(({ first, last }) => first <= slot && slot <= last);
    if (range === undefined) throw new Error("The Redis Cluster does not cover all slots");
    const master = { address: range.address, partitions: [] as number[] };
    const name = masterName(master);
    if (!masters.has(name)) masters.set(name, master);
    masters.get(name)!.partitions.push(partition);
  }
  return [...masters.values()];
}

/** A range of slots: first, last, `[host, port, …]` of the master, replicas. No host: the one that was asked. */
function readRange(range: Reply, asked: Address): { first: number; last: number; address: Address } {
  const [first, last, master] = range as [number, number, [string | null, number]];
  const [host, port] = master;
  return { first, last, address: { host: host === null || host === "" || host === "?" ? asked.host : host, port } };
}

async function ask(access: Access, host: Address, args: string[]): Promise<Reply> {
  const connection = await Connection.open(access, host, () => {});
  try {
    return await within(ANSWER_MS, connection.send(args));
  } finally {
    connection.close();
  }
}
