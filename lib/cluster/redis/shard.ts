/** One master: its connections, their probe, and what happens when they fail. */
import type { Buffer } from "node:buffer";
import { Breaker } from "./breaker.ts";
import { type Access, type Argument, Connection, describe, type OnMessage, type Reply } from "./connection.ts";
import { pause, within } from "./deadline.ts";
import type { Names } from "./partitions.ts";
import { loadScripts } from "./scripts.ts";
import type { Master } from "./topology.ts";

/** The parts of the cluster that use a shard. */
export interface ShardUsers {
  /** Channels to subscribe to, by partition. */
  channels(partitions: readonly number[]): Iterable<readonly string[]>;
  message(channel: string, message: Buffer): void;
  /** Called before the shard is up. A rejection fails it. */
  prepare(shard: Shard): Promise<void>;
  up(shard: Shard): void;
  down(shard: Shard, reason: string): void;
  /** The data of a shard that is up has gone. */
  emptied(shard: Shard): void;
}

export interface ShardDeps {
  readonly access: Access;
  readonly names: Names;
  readonly node: string;
  /** Monotonic clock, in milliseconds. */
  readonly now: () => number;
}

/** Interval of probes, and how long one may take: a subscriber that hears nothing is found within four seconds. */
const PROBE_EVERY_MS = 1_000;
const PROBE_MS = 3_000;
/** A timer that is late by so much shows that this process did not run. */
const STALL_MS = 500;
/** Longest time of a step of opening, in milliseconds. */
export const STEP_MS = 5_000;
/** Channels of one SSUBSCRIBE. */
const BATCH = 512;

const LEAST_WAIT_MS = 100;
const MOST_WAIT_MS = 5_000;
/** A link that was up for so long has a first attempt at once again. */
const SETTLED_MS = 10_000;

/** Two connections to one master, one for commands and one for subscriptions. */
interface Session {
  readonly commands: Connection;
  readonly subscriber: Connection;
  /** Ends the session with a reason. */
  readonly fail: (reason: string) => void;
}

/**
 * A master of Redis. It is opened again and again until it is closed. Each time both connections are new, so that
 * nothing of a failed session is sent or received later: a message arrives at most once, and in order.
 *
 * It is up when a message has come back through both connections, all channels are subscribed and `prepare` is done. A
 * probe each second holds that it still does.
 */
export class Shard {
  readonly master: Master;
  readonly breaker: Breaker;
  readonly #users: ShardUsers;
  readonly #deps: ShardDeps;
  readonly #ending = new AbortController();
  readonly #probeChannel: string;
  readonly #bootKey: string;
  #session: Session | null = null;
  #up = false;
  #running: Promise<void> | undefined;
  #boot: string | null = null;
  #echo: (() => void) | null = null;

  constructor(master: Master, users: ShardUsers, deps: ShardDeps) {
    this.master = master;
    this.#users = users;
    this.#deps = deps;
    this.breaker = new Breaker(deps.now);
    const partition = master.partitions[0]!;
    this.#probeChannel = deps.names.of(partition, "probe", deps.node);
    this.#bootKey = deps.names.of(partition, "boot");
  }

  get up(): boolean {
    return this.#up;
  }

  /** Sends a command while the shard is open or opens; rejects otherwise. Has no deadline. */
  send(args: readonly Argument[]): Promise<Reply> {
    return this.#session?.commands.send(args) ?? Promise.reject(new Error("not connected"));
  }

  /** Subscribes to channels of one partition; undefined if the shard is closed, and will do it when it opens. */
  subscribe(channels: string[]): Promise<unknown> | undefined {
    return this.#session?.subscriber.subscribe(channels, this.#onMessage);
  }

  unsubscribe(channels: string[]): Promise<unknown> | undefined {
    return this.#session?.subscriber.unsubscribe(channels, this.#onMessage);
  }

  /** Ends the current session; the shard opens again. */
  fail(reason: string): void {
    this.#session?.fail(reason);
  }

  /** Opens the shard until it is closed; resolves when its connections are closed as well. */
  run(): Promise<void> {
    return this.#running ??= this.#run();
  }

  close(): Promise<void> {
    this.#ending.abort();
    this.fail("closed");
    return this.run();
  }

  async #run(): Promise<void> {
    const { signal } = this.#ending;
    let wait = LEAST_WAIT_MS;
    while (!signal.aborted) {
      const began = this.#deps.now();
      const reason = await this.#serve();
      if (signal.aborted) return;
      this.#users.down(this, reason);
      if (this.#deps.now() - began > SETTLED_MS) wait = LEAST_WAIT_MS;
      await pause(Math.random() * wait, signal);
      wait = Math.min(MOST_WAIT_MS, wait * 2);
    }
  }

  /** Opens a session, and resolves with the reason of its end. */
  async #serve(): Promise<string> {
    const { promise: ended, resolve: fail } = Promise.withResolvers<string>();
    try {
      const session = await this.#connect(fail);
      this.#session = session;
      const opened = this.#open(session);
      opened.catch(() => {});
      const failure = await Promise.race([opened, ended]);
      if (failure !== undefined) return failure;
      this.#up = true;
      this.#users.up(this);
      this.#probeAlways(session);
      return await ended;
    } catch (error) {
      return describe(error);
    } finally {
      this.#up = false;
      this.#session?.commands.close();
      this.#session?.subscriber.close();
      this.#session = null;
    }
  }

  async #connect(fail: (reason: string) => void): Promise<Session> {
    const { access } = this.#deps;
    const { address } = this.master;
    const [commands, subscriber] = await Promise.allSettled([
      Connection.open(access, address, fail),
      Connection.open(access, address, fail),
    ]);
    if (commands.status === "fulfilled" && subscriber.status === "fulfilled" && !this.#ending.signal.aborted) {
      return { commands: commands.value, subscriber: subscriber.value, fail };
    }
    for (const one of [commands, subscriber]) if (one.status === "fulfilled") one.value.close();
    throw commands.status === "rejected"
      ? commands.reason
      : subscriber.status === "rejected"
      ? subscriber.reason
      : null;
  }

  async #open({ commands, subscriber }: Session): Promise<undefined> {
    await within(STEP_MS, loadScripts(commands));
    await within(STEP_MS, subscriber.subscribe([this.#probeChannel], this.#onMessage));
    for (const channels of this.#users.channels(this.master.partitions)) {
      for (let i = 0; i < channels.length; i += BATCH) {
        await within(STEP_MS, subscriber.subscribe(channels.slice(i, i + BATCH), this.#onMessage));
      }
    }
    await within(PROBE_MS, this.#probe(commands));
    await this.#users.prepare(this);
  }

  async #probeAlways(session: Session): Promise<void> {
    let stalled = false;
    while (this.#session === session) {
      const began = this.#deps.now();
      try {
        if (await within(PROBE_MS, this.#probe(session.commands))) this.#users.emptied(this);
        stalled = false;
      } catch (error) {
        // A process that was stopped itself has not read the answer yet.
        const late = this.#deps.now() - began > PROBE_MS + STALL_MS;
        if (stalled || !late) return session.fail(`probe: ${describe(error)}`);
        stalled = true;
      }
      await pause(PROBE_EVERY_MS, this.#ending.signal);
    }
  }

  /** Sends a message through both connections. Whether the data has gone since the last probe. */
  async #probe(commands: Connection): Promise<boolean> {
    const echoed = new Promise<void>((resolve) => this.#echo = resolve);
    const mark = crypto.randomUUID();
    const [found] = await Promise.all([
      commands.send(["SET", this.#bootKey, mark, "NX", "GET"]),
      commands.send(["SPUBLISH", this.#probeChannel, ""]),
      echoed,
    ]);
    const before = this.#boot;
    // Null: there was no mark, and this command has set its own.
    this.#boot = found === null ? mark : String(found);
    return before !== null && this.#boot !== before;
  }

  readonly #onMessage: OnMessage = (message, channel) => {
    if (this.#session === null) return;
    const name = channel.toString();
    if (name === this.#probeChannel) this.#echo?.();
    else this.#users.message(name, message);
  };
}
