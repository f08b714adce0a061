/** Findings of `check` about a database: version, rights of the user, eviction of keys, replicas. */
import type { Config } from "../../config/config.ts";
import type { Finding } from "../../config/findings/findings.ts";
import { type Access, Connection, describe, type Reply } from "./connection.ts";
import { within } from "./deadline.ts";
import { clusterFileFindings } from "./file_findings.ts";
import { Names } from "./partitions.ts";
import { readSettings } from "./read_settings.ts";
import { missingRight } from "./rights.ts";
import { findMasters, isExposed, type Master, masterName } from "./topology.ts";
import { parseRedisUrl } from "./url.ts";

const ANSWER_MS = 2_000;

/** The oldest versions with sharded channels and all commands that are used. */
const OLDEST = { redis: [7, 0], valkey: [7, 2] } as const;

/** Connects to every master, once. Nothing is found where the files of `[cluster]` are wrong. */
export async function databaseFindings(config: Config): Promise<Finding[]> {
  if (config.cluster === undefined) return [];
  if (clusterFileFindings(config).some(({ severity }) => severity === "error")) return [];
  const settings = readSettings(config.cluster);
  const access = { endpoint: parseRedisUrl(settings.url), settings };
  let masters: Master[];
  try {
    masters = await findMasters(access, []);
  } catch (error) {
    return [unreachable(error)];
  }
  return (await Promise.all(masters.map((master) => masterFindings(access, master)))).flat();
}

async function masterFindings(access: Access, master: Master): Promise<Finding[]> {
  // Nothing is sent to it, the password least of all.
  if (isExposed(access, master)) return [exposed(master)];
  let connection: Connection;
  try {
    connection = await Connection.open(access, master.address, () => {});
  } catch (error) {
    return [unreachable(error)];
  }
  try {
    return [
      ...await rightsFindings(access, master, connection),
      ...await infoFindings(access, masterName(master), connection),
    ];
  } finally {
    connection.close();
  }
}

async function infoFindings(access: Access, name: string, connection: Connection): Promise<Finding[]> {
  try {
    const info = readInfo(await ask(connection, ["INFO"]));
    return [
      ...versionFindings(name, info),
      ...await userFindings(name, connection),
      ...kindFindings(access, name, info),
      ...memoryFindings(name, info),
      ...replicaFindings(access, name, info),
    ];
  } catch (error) {
    return [forbidden(name, error)];
  }
}

/** Finds a right that the user lacks. */
async function rightsFindings({ settings }: Access, master: Master, connection: Connection): Promise<Finding[]> {
  const refusal = await missingRight(connection, new Names(settings.prefix), master.partitions[0]!);
  if (refusal === undefined) return [];
  return [{
    severity: "error",
    where: "cluster.url_file",
    what: `The user lacks a right on ${masterName(master)}: ${refusal}`,
    why: "The server starts, but is never ready",
    remedy: `Give the user the rights of deploy/redis.acl, with ~${settings.prefix}:* and &${settings.prefix}:*`,
  }];
}

function ask(connection: Connection, args: string[]): Promise<Reply> {
  return within(ANSWER_MS, connection.send(args));
}

/** `INFO` as keys and values. */
function readInfo(text: Reply): ReadonlyMap<string, string> {
  const lines = String(text).split(/\r?\n/).filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(lines.map((line): [string, string] => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon), line.slice(colon + 1)];
  }));
}

type Info = ReadonlyMap<string, string>;

/** A sentinel or a node on this machine may name a master elsewhere. */
function exposed(master: Master): Finding {
  return {
    severity: "error",
    where: "cluster.url_file",
    what: `The URL has no TLS, and the master ${masterName(master)} is another machine`,
    why: "Messages, user ids and the password would cross the network in plain text; the server is never ready",
    remedy: "Use rediss+sentinel:// or rediss+cluster://",
  };
}

function versionFindings(name: string, info: Info): Finding[] {
  const valkey = info.get("valkey_version");
  const version = valkey ?? info.get("redis_version") ?? "";
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [oldestMajor, oldestMinor] = valkey === undefined ? OLDEST.redis : OLDEST.valkey;
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return [];
  return [{
    severity: "error",
    where: "cluster.url_file",
    what: `${name} has version ${version || "unknown"}`,
    why: "It lacks sharded channels or commands that nodes use",
    remedy: `Use Redis ${OLDEST.redis.join(".")} or newer, or Valkey ${OLDEST.valkey.join(".")} or newer`,
  }];
}

async function userFindings(name: string, connection: Connection): Promise<Finding[]> {
  const user = String(await ask(connection, ["ACL", "WHOAMI"]).catch(() => "unknown"));
  const administers = await ask(connection, ["CONFIG", "GET", "maxmemory"]).then(() => true, () => false);
  if (user !== "default" && !administers) return [];
  return [{
    severity: "warning",
    where: "cluster.url_file",
    what: user === "default"
      ? `Nodes log in to ${name} as the default user`
      : `The user ${user} can administer ${name}`,
    why: "A program that takes over a node could read and change everything in the database",
    remedy: "Give the nodes a user of their own, as in deploy/redis.acl",
  }];
}

function kindFindings({ endpoint }: Access, name: string, info: Info): Finding[] {
  if (endpoint.kind === "cluster" || info.get("cluster_enabled") !== "1") return [];
  return [{
    severity: "error",
    where: "cluster.url_file",
    what: `${name} belongs to a Redis Cluster`,
    why: "Keys of other masters can't be reached by this URL",
    remedy: "Use rediss+cluster:// with some of the masters",
  }];
}

function memoryFindings(name: string, info: Info): Finding[] {
  const policy = info.get("maxmemory_policy");
  if (policy === undefined || policy === "noeviction" || info.get("maxmemory") === "0") return [];
  return [{
    severity: "warning",
    where: "cluster.url_file",
    what: `${name} has maxmemory-policy ${policy}`,
    why: "When its memory is full it removes seats, tickets, revocations and bans without notice",
    remedy: "Set maxmemory-policy to noeviction",
  }];
}

function replicaFindings({ endpoint }: Access, name: string, info: Info): Finding[] {
  if (info.get("role") !== "master") {
    return [{
      severity: "error",
      where: "cluster.url_file",
      what: `${name} is a replica`,
      why: "It takes no writes",
      remedy: "Name the master, or the sentinels with redis+sentinel://",
    }];
  }
  if (Number(info.get("connected_slaves") ?? 0) > 0) return [];
  return [{
    severity: endpoint.kind === "single" ? "note" : "warning",
    where: "cluster.url_file",
    what: `${name} has no replica`,
    why: "When it fails, nodes are cut off from one another until it is back",
    remedy: "Add a replica, with Sentinel or Redis Cluster to promote it",
  }];
}

function unreachable(error: unknown): Finding {
  return {
    severity: "warning",
    where: "cluster.url_file",
    what: `The database can't be reached: ${messageOf(error)}`,
    why: "The server starts, but is not ready until it has loaded bans and revocations from there",
    remedy: "Check URL, password, certificates and network",
  };
}

function forbidden(name: string, error: unknown): Finding {
  return {
    severity: "warning",
    where: "cluster.url_file",
    what: `${name} does not answer INFO: ${messageOf(error)}`,
    why: "Version, eviction and replicas can't be checked",
    remedy: "Give the user the rights of deploy/redis.acl",
  };
}

function messageOf(error: unknown): string {
  return describe(error).replace(/\.$/, "");
}
