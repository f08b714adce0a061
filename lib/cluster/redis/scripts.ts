/** The scripts that run within Redis, so that they are atomic. Each script uses keys of one partition. */
import { createHash } from "node:crypto";
import type { Argument, Connection, Reply } from "./connection.ts";

/** Life of what a node counts, in milliseconds. It is written again before that, and ends with a dead node. */
export const COUNT_TTL_MS = 3_600_000;

/**
 * Age in milliseconds after which counts of a node that is not alive are removed. A node that comes back writes its
 * counts again.
 */
export const ABANDONED_MS = 60_000;

/** Largest count that is believed. */
const MOST_COUNTED = 1_000_000;

const CLOCK = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)`;

/**
 * Another program, or an operator, may write what is not of a node: a key of another type, and a value of another form,
 * are removed, so that they make no call fail and change no sum.
 */
const GUARD = `
local function expect(key, type)
  local found = redis.call('TYPE', key).ok
  if found == type or found == 'none' then return true end
  redis.call('DEL', key)
  return false
end
local function read(key, field, value)
  local count, at = string.match(value, '^(%d+) (%d+)$')
  count, at = tonumber(count), tonumber(at)
  if count and count <= ${MOST_COUNTED} and at < 1e15 then return count, at end
  redis.call('HDEL', key, field)
end`;

/**
 * Takes seats of a user. KEYS: the user's seats. ARGV: own field, seats held, seats wanted, cap, fields of live nodes.
 * A field has the value `COUNT MILLISECONDS`. Returns how many were taken.
 */
const seat = `${CLOCK}${GUARD}
expect(KEYS[1], 'hash')
local live = {}
for i = 5, #ARGV do live[ARGV[i]] = true end
local others = 0
local fields = redis.call('HGETALL', KEYS[1])
for i = 1, #fields, 2 do
  local count, at = read(KEYS[1], fields[i], fields[i + 1])
  if fields[i] == ARGV[1] or not count then
  elseif live[fields[i]] then others = others + count
  elseif math.abs(now - at) > ${ABANDONED_MS} then redis.call('HDEL', KEYS[1], fields[i]) end
end
local held = tonumber(ARGV[2])
local taken = math.max(0, math.min(tonumber(ARGV[3]), tonumber(ARGV[4]) - others - held))
if held + taken > 0 then
  redis.call('HSET', KEYS[1], ARGV[1], string.format('%d %.0f', held + taken, now))
  redis.call('PEXPIRE', KEYS[1], ${COUNT_TTL_MS})
end
return taken`;

/** Writes counts. KEYS: a hash of counts. ARGV: field, count, and so on; a count of 0 removes the field. */
const count = `${CLOCK}${GUARD}
expect(KEYS[1], 'hash')
for i = 1, #ARGV, 2 do
  if ARGV[i + 1] == '0' then redis.call('HDEL', KEYS[1], ARGV[i])
  else redis.call('HSET', KEYS[1], ARGV[i], string.format('%s %.0f', ARGV[i + 1], now)) end
end
redis.call('PEXPIRE', KEYS[1], ${COUNT_TTL_MS})`;

/** Reads counts. KEYS: a hash of counts. Returns field, count, age in ms, and so on. */
const counts = `${CLOCK}${GUARD}
expect(KEYS[1], 'hash')
local found = {}
local fields = redis.call('HGETALL', KEYS[1])
for i = 1, #fields, 2 do
  local count, at = read(KEYS[1], fields[i], fields[i + 1])
  if count then
    found[#found + 1] = fields[i]
    found[#found + 1] = string.format('%d', count)
    found[#found + 1] = string.format('%.0f', math.abs(now - at))
  end
end
return found`;

/**
 * Adds spending. KEYS: buckets of one partition. ARGV for each: tokens spent, rate. A bucket has the sum of all
 * spending, and the spending that the rate has not paid back yet. Returns both for each bucket.
 */
const settle = `${CLOCK}${GUARD}
local function amount(text)
  local number = tonumber(text)
  return number and number >= 0 and number < 1e15 and number or 0
end
local found = {}
for i = 1, #KEYS do
  local spent, rate = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  expect(KEYS[i], 'hash')
  local sum, level, at = unpack(redis.call('HMGET', KEYS[i], 'sum', 'level', 'at'))
  sum = amount(sum) + spent
  level = math.max(0, amount(level) - rate * math.max(0, now - amount(at)) / 1000) + spent
  redis.call('HSET', KEYS[i], 'sum', string.format('%.6f', sum), 'level', string.format('%.6f', level),
    'at', string.format('%.0f', now))
  redis.call('PEXPIRE', KEYS[i], 60000)
  found[#found + 1] = string.format('%.6f', sum)
  found[#found + 1] = string.format('%.6f', level)
end
return found`;

/**
 * Renews the lease of a node. KEYS: leases, descriptions, records, ends. ARGV: node, duration in ms, description.
 * Returns whether the node was absent, the time in ms, then node and description of all that have a lease. After a key
 * of another type, all nodes are absent once, and write again what they know.
 */
const lease = `${CLOCK}${GUARD}
expect(KEYS[2], 'hash')
local whole = true
for i, type in pairs({ [1] = 'zset', [3] = 'hash', [4] = 'zset' }) do whole = expect(KEYS[i], type) and whole end
if not whole then redis.call('DEL', KEYS[1], KEYS[3], KEYS[4]) end
local absent = redis.call('ZADD', KEYS[1], now + tonumber(ARGV[2]), ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
for _, dead in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('(%.0f', now))) do
  redis.call('ZREM', KEYS[1], dead)
  redis.call('HDEL', KEYS[2], dead)
end
local found = { absent, string.format('%.0f', now) }
local described = redis.call('HGETALL', KEYS[2])
for i = 1, #described, 2 do
  if redis.call('ZSCORE', KEYS[1], described[i]) then
    found[#found + 1] = described[i]
    found[#found + 1] = described[i + 1]
  else
    redis.call('HDEL', KEYS[2], described[i])
  end
end
return found`;

/**
 * Keeps a record and tells it to all nodes, unless the kept one is as late or later. KEYS: records, ends. ARGV: field,
 * version, end in ms or empty, record, channel. Returns the kept one instead, if there is such a one.
 */
const keep = `${CLOCK}
for _, ended in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', now), 'LIMIT', 0, 100)) do
  redis.call('ZREM', KEYS[2], ended)
  redis.call('HDEL', KEYS[1], ended)
end
local before = redis.call('HGET', KEYS[1], ARGV[1])
if before and tonumber(string.match(before, '^(%d+) ') or '0') >= tonumber(ARGV[2]) then return before end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[4])
if ARGV[3] ~= '' then redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1]) else redis.call('ZREM', KEYS[2], ARGV[1]) end
redis.call('SPUBLISH', ARGV[5], ARGV[4])
return false`;

const SCRIPTS = { seat, count, counts, settle, lease, keep } as const;

export type ScriptName = keyof typeof SCRIPTS;

/** SHA-1 of each script, by which Redis knows it. */
const DIGESTS = Object.fromEntries(
  Object.entries(SCRIPTS).map(([name, source]) => [name, createHash("sha1").update(source).digest("hex")]),
) as Readonly<Record<ScriptName, string>>;

/** Loads all scripts. Redis forgets them when it restarts. */
export async function loadScripts(connection: Connection): Promise<void> {
  await Promise.all(Object.values(SCRIPTS).map((source) => connection.send(["SCRIPT", "LOAD", source])));
}

/** Sends a script's call; the whole script where Redis does not have it. */
export async function callScript(
  send: (args: readonly Argument[]) => Promise<Reply>,
  name: ScriptName,
  keys: readonly string[],
  args: readonly Argument[],
): Promise<Reply> {
  const rest = [String(keys.length), ...keys, ...args];
  try {
    return await send(["EVALSHA", DIGESTS[name], ...rest]);
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith("NOSCRIPT")) throw error;
    return await send(["EVAL", SCRIPTS[name], ...rest]);
  }
}
