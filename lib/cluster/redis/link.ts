/** The link to Redis: its masters, and which of them has a partition. */
import type { Buffer } from "node:buffer";
import type { Log } from "../../log/log.ts";
import { CALL_MS, ClusterUnavailable, type LinkState } from "../cluster.ts";
import { type Access, type Argument, describe, isAboutOneCall, type Reply } from "./connection.ts";
import { pause, within } from "./deadline.ts";
import { ALL_PARTITIONS, type Names } from "./partitions.ts";
import { callScript, type ScriptName } from "./scripts.ts";
import { Shard, type ShardUsers, STEP_MS } from "./shard.ts";
import { findMasters, isExposed, type Master, masterName } from "./topology.ts";

/** The parts of the node that use the link. The first argument of each call is the partitions that it is about. */
export interface LinkUsers {
  channels(partitions: readonly number[]): Iterable<readonly string[]>;
  message(channel: string, message: Buffer): void;
  /** Called before the partitions are up. */
  prepare(partitions: readonly number[], send: Send): Promise<void>;
  up(partitions: readonly number[]): void;
  down(partitions: readonly number[]): void;
  /** The data of the partitions is gone, while they are up. */
  emptied(partitions: readonly number[]): void;
}

/** Sends a command to one master. Rejects when it is not connected; has no deadline. */
export type Send = (args: readonly Argument[]) => Promise<Reply>;

export interface LinkDeps {
  readonly access: Access;
  readonly names: Names;
  readonly node: string;
  readonly log: Log;
  /** Monotonic clock, in milliseconds. */
  readonly now: () => number;
}

/** How often sentinels or nodes are asked for the masters. */
const LOOK_EVERY_MS = 5_000;
/** Least time between two looks after failures. */
const LOOK_AGAIN_MS = 200;
const FIRST_ATTEMPT_MS = 10_000;

/** Errors of a server that is no longer, or not yet, the master of a key. */
const NOT_MASTER = /^(?:READONLY|MOVED|ASK|CLUSTERDOWN|MASTERDOWN|LOADING|UNBLOCKED)\b/;

export class Link {
  /** Calls that failed or did not settle in time. */
  failedCalls = 0;
  /** Times that the link went down. */
  failures = 0;
  readonly #users: LinkUsers;
  readonly #deps: LinkDeps;
  readonly #ending = new AbortController();
  readonly #shards = new Map<string, Shard>();
  readonly #byPartition: (Shard | undefined)[] = ALL_PARTITIONS.map(() => undefined);
  readonly #attempted = Promise.withResolvers<void>();
  #up = false;
  #since: number;
  #loaded = false;
  /** Reasons that were logged since the link was up, by server. */
  readonly #told = new Map<string, string>();
  /** Ends the pause before the next look. */
  #look = new AbortController();
  #watching: Promise<void> | undefined;

  constructor(users: LinkUsers, deps: LinkDeps) {
    this.#users = users;
    this.#deps = deps;
    this.#since = deps.now();
  }

  get state(): LinkState {
    return { up: this.#up, forMs: this.#deps.now() - this.#since, loaded: this.#loaded };
  }

  isUp(partition: number): boolean {
    return this.#byPartition[partition]?.up === true;
  }

  /** Resolves when the link is up, or the first attempt has failed. */
  async start(): Promise<void> {
    this.#watching = this.#watch();
    await within(FIRST_ATTEMPT_MS, this.#attempted.promise).catch(() => {});
  }

  async close(): Promise<void> {
    this.#ending.abort();
    this.#look.abort();
    this.#byPartition.fill(undefined);
    await Promise.all([this.#watching, ...[...this.#shards.values()].map((shard) => shard.close())]);
  }

  /**
   * Calls a script.
   *
   * @throws {ClusterUnavailable}
   */
  script(partition: number, name: ScriptName, keys: readonly string[], args: readonly Argument[]): Promise<Reply> {
    return this.call(partition, (send) => callScript(send, name, keys, args));
  }

  /**
   * Makes a call that settles within {@linkcode CALL_MS}.
   *
   * @throws {ClusterUnavailable} if it fails; its outcome is then unknown
   */
  async call(partition: number, make: (send: Send) => Promise<Reply>): Promise<Reply> {
    const shard = this.#byPartition[partition];
    if (shard === undefined || !shard.up) throw new ClusterUnavailable("The link is down");
    if (!shard.breaker.admits()) throw new ClusterUnavailable("Calls do not succeed at present");
    try {
      const reply = await within(CALL_MS, make((args) => shard.send(args)));
      shard.breaker.succeeded();
      return reply;
    } catch (error) {
      this.failedCalls++;
      this.#judgeCall(shard, error);
      throw new ClusterUnavailable(describe(error));
    }
  }

  /** Sends without a deadline; undefined if the partition is down. A rejection is judged here as well. */
  send(partition: number, args: readonly Argument[]): Promise<Reply> | undefined {
    const shard = this.#byPartition[partition];
    if (shard === undefined || !shard.up) return undefined;
    const reply = shard.send(args);
    reply.catch((error) => this.#judge(shard, error));
    return reply;
  }

  /** Subscribes to channels of a partition; undefined if that will happen when it is up. */
  subscribe(partition: number, channels: string[]): Promise<unknown> | undefined {
    const shard = this.#byPartition[partition];
    const subscribed = shard?.subscribe(channels);
    subscribed?.catch((error) => this.#judge(shard!, error));
    return subscribed;
  }

  unsubscribe(partition: number, channels: string[]): void {
    const shard = this.#byPartition[partition];
    shard?.unsubscribe(channels)?.catch((error) => this.#judge(shard, error));
  }

  /** A key with another type than its own must not keep all calls from being made. */
  #judgeCall(shard: Shard, error: unknown): void {
    if (isAboutOneCall(error)) {
      shard.breaker.succeeded();
      this.#deps.log.warn("cluster.call_failed", { server: masterName(shard.master), reason: describe(error) });
      return;
    }
    shard.breaker.failed();
    this.#judge(shard, error);
  }

  #judge(shard: Shard, error: unknown): void {
    if (error instanceof Error && NOT_MASTER.test(error.message)) shard.fail(describe(error));
  }

  async #watch(): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      this.#look = new AbortController();
      try {
        this.#apply(await this.#find());
        if (this.#deps.access.endpoint.kind === "single") return;
      } catch (error) {
        // Known masters are used as long as they answer.
        if (!this.#up) this.#fell("", describe(error));
        this.#attempted.resolve();
      }
      await pause(LOOK_AGAIN_MS, signal);
      await pause(LOOK_EVERY_MS, this.#look.signal);
    }
  }

  /** The current masters. Without TLS, none of another machine is used, whatever names it. */
  async #find(): Promise<Master[]> {
    const { access } = this.#deps;
    const masters = await findMasters(
      access,
      [...this.#shards.values()].map(({ master }) => master),
      this.#ending.signal,
    );
    const exposed = masters.find((master) => isExposed(access, master));
    if (exposed === undefined) return masters;
    throw new Error(`The URL has no TLS, and the master ${masterName(exposed)} is another machine`);
  }

  /** Opens new masters and closes former ones. A master with other partitions than before is opened again. */
  #apply(masters: readonly Master[]): void {
    if (this.#ending.signal.aborted) return;
    const found = new Map(masters.map((master) => [masterName(master), master]));
    for (const [name, shard] of [...this.#shards]) {
      const now = found.get(name);
      if (now !== undefined && String(now.partitions) === String(shard.master.partitions)) found.delete(name);
      else this.#remove(name, shard);
    }
    for (const [name, master] of found) this.#add(name, master);
  }

  #remove(name: string, shard: Shard): void {
    const { partitions } = shard.master;
    this.#shards.delete(name);
    const wasUp = shard.up;
    shard.close();
    for (const partition of partitions) this.#byPartition[partition] = undefined;
    if (wasUp) this.#users.down(partitions);
    this.#fell(name, "another server has its place");
  }

  #add(name: string, master: Master): void {
    const { partitions } = master;
    const users: ShardUsers = {
      channels: (partitions) => this.#users.channels(partitions),
      message: (channel, message) => this.#users.message(channel, message),
      prepare: (shard) => this.#users.prepare(partitions, (args) => within(STEP_MS, shard.send(args))),
      emptied: () => this.#users.emptied(partitions),
      up: () => this.#rose(partitions),
      down: (_, reason) => {
        this.#users.down(partitions);
        this.#fell(name, reason);
        this.#attempted.resolve();
        this.#look.abort();
      },
    };
    const shard = new Shard(master, users, this.#deps);
    this.#shards.set(name, shard);
    for (const partition of partitions) this.#byPartition[partition] = shard;
    shard.run();
  }

  #rose(partitions: readonly number[]): void {
    this.#users.up(partitions);
    if (this.#up || !this.#byPartition.every((shard) => shard?.up)) return;
    this.#up = this.#loaded = true;
    this.#told.clear();
    const downMs = Math.round(this.#deps.now() - this.#since);
    this.#since = this.#deps.now();
    this.#deps.log.info("cluster.up", { servers: [...this.#shards.keys()], down_ms: downMs });
    this.#attempted.resolve();
  }

  #fell(server: string, reason: string): void {
    if (this.#ending.signal.aborted) return;
    // An attempt that fails like the one before is not news.
    if (!this.#up && this.#told.get(server) === reason) return;
    this.#told.set(server, reason);
    if (this.#up) {
      this.#up = false;
      this.#since = this.#deps.now();
      this.failures++;
    }
    this.#deps.log.warn("cluster.down", { server, reason });
  }
}
