/** Whether a user of Redis has the rights that a node needs. */
import { type Connection, describe } from "./connection.ts";
import { within } from "./deadline.ts";
import type { Names } from "./partitions.ts";

const ANSWER_MS = 2_000;
/** Life of what is written, should the connection fail in between. */
const LIFE_MS = "1000";
const SCRIPT = "return 1";

/**
 * Does once what a node does, with a key and a channel that no node uses, and removes what it wrote. Returns the reply
 * of Redis to the first command that the user has no right to.
 */
export async function missingRight(
  connection: Connection,
  names: Names,
  partition: number,
): Promise<string | undefined> {
  const name = crypto.randomUUID();
  const key = names.of(partition, "check", name);
  const onMessage = () => {};
  const replies = [
    ...commands(key).map((args) => connection.send(args)),
    connection.subscribe([key], onMessage).then(() => connection.unsubscribe([key], onMessage)),
  ];
  const outcomes = await within(ANSWER_MS, Promise.allSettled(replies)).catch(() => []);
  return outcomes.flatMap((outcome) => outcome.status === "rejected" ? describe(outcome.reason) : [])
    .find((reason) => reason.startsWith("NOPERM"));
}

/** The commands of nodes and of their scripts. Nothing of them is left, even where one of them is refused. */
function commands(key: string): string[][] {
  return [
    ["TIME"],
    ["SCRIPT", "LOAD", SCRIPT],
    ["EVAL", SCRIPT, "0"],
    ["EVALSHA", "0".repeat(40), "0"],
    ["SPUBLISH", key, ""],
    ["SET", key, "1", "PX", LIFE_MS],
    ["TYPE", key],
    ["GETDEL", key],
    ["HSET", key, "f", "1"],
    ["PEXPIRE", key, LIFE_MS],
    ["HGET", key, "f"],
    ["HMGET", key, "f"],
    ["HGETALL", key],
    ["HSCAN", key, "0"],
    ["HDEL", key, "f"],
    ["ZADD", key, "1", "m"],
    ["PEXPIRE", key, LIFE_MS],
    ["ZSCORE", key, "m"],
    ["ZRANGEBYSCORE", key, "-inf", "0"],
    ["ZREM", key, "m"],
    ["DEL", key],
  ];
}
