/** A node of a cluster over Redis or Valkey: one server, one with Sentinel, or a Redis Cluster. */
import type { Buffer } from "node:buffer";
import type { Log } from "../../log/log.ts";
import {
  type Cluster,
  type ClusterFigures,
  type Control,
  type LinkState,
  type NodeDuties,
  type SharedState,
} from "../cluster.ts";
import { newNodeId } from "../node_id.ts";
import { type Counted, CountWriter } from "./count_writer.ts";
import { Envelopes } from "./envelope.ts";
import { Link, type LinkUsers, type Send } from "./link.ts";
import { Liveness } from "./liveness.ts";
import { CONTROL, Names } from "./partitions.ts";
import { SharedPresence } from "./presence.ts";
import { Records } from "./records.ts";
import { Requests } from "./requests.ts";
import { SeatBook } from "./seats.ts";
import { Settlement } from "./settlement.ts";
import type { RedisSettings } from "./settings.ts";
import { Topics } from "./topics.ts";
import { parseRedisUrl } from "./url.ts";

export interface RedisClusterDeps {
  readonly log: Log;
  /** Monotonic clock, in milliseconds. */
  readonly now: () => number;
}

/** A node's part of a cluster over Redis. */
export class RedisCluster implements Cluster, LinkUsers {
  readonly kind = "redis";
  readonly node = newNodeId();
  readonly backplane: Topics;
  readonly state: SharedState;
  readonly control: Control;
  readonly #link: Link;
  readonly #liveness: Liveness;
  readonly #records: Records;
  readonly #requests: Requests;
  readonly #seats: SeatBook;
  readonly #presence: SharedPresence;
  readonly #writer: CountWriter;
  #refused = 0;
  #closed: Promise<void> | undefined;

  /** @throws {TypeError} if the URL is malformed */
  constructor(settings: RedisSettings, duties: NodeDuties, { log, now }: RedisClusterDeps) {
    const names = new Names(settings.prefix);
    const envelopes = new Envelopes(settings.secret);
    const access = { endpoint: parseRedisUrl(settings.url), settings };
    const refused = () => void this.#refused++;
    const link = this.#link = new Link(this, { access, names, node: this.node, log, now });
    const common = { link: () => link, names, envelopes, duties, node: this.node, refused };
    const lapsed = () => this.#lost();
    const liveness = this.#liveness = new Liveness({ ...common, log, lapsed, describe: duties.describe });
    const counts = { link, names, liveness, writer: () => this.#writer };
    this.#seats = new SeatBook(counts);
    this.#presence = new SharedPresence(counts);
    this.#writer = new CountWriter({ link, all: () => this.#counts(), overflowed: () => this.#startCounts() });
    this.#records = new Records(common);
    this.#requests = new Requests({ ...common, liveness });
    this.backplane = new Topics({ link, names, deliver: duties.deliver });
    this.control = {
      announce: (notice) => this.#records.announce(notice),
      ask: (request) => this.#requests.ask(request),
      nodes: () => liveness.nodes(),
    };
    this.state = this.#sharedState(names, new Settlement({ link, names, now }));
  }

  get figures(): ClusterFigures {
    const { failures, failedCalls } = this.#link;
    const { published, received } = this.backplane;
    return { published, received, failures, failedCalls, refusedMessages: this.#refused };
  }

  link(): LinkState {
    return this.#link.state;
  }

  start(): Promise<void> {
    return this.#link.start();
  }

  leave(): void {
    this.#liveness.drain();
  }

  close(): Promise<void> {
    return this.#closed ??= this.#close();
  }

  async #close(): Promise<void> {
    this.#writer.close();
    this.#records.close();
    this.backplane.close();
    await this.#liveness.close();
    await this.#link.close();
  }

  *channels(partitions: readonly number[]): Generator<readonly string[]> {
    if (partitions.includes(CONTROL)) yield [...this.#control().keys()];
    yield* this.backplane.channels(partitions);
  }

  message(channel: string, message: Buffer): void {
    const control = this.#control().get(channel);
    if (control === undefined) this.backplane.message(channel, message);
    else control(message.toString());
  }

  async prepare(partitions: readonly number[], send: Send): Promise<void> {
    if (!partitions.includes(CONTROL)) return;
    await this.#liveness.take(send);
    await this.#records.load(send);
  }

  up(partitions: readonly number[]): void {
    this.backplane.up(partitions);
    this.#writer.writeAll();
  }

  down(partitions: readonly number[]): void {
    this.backplane.down(partitions);
  }

  emptied(partitions: readonly number[]): void {
    if (partitions.includes(CONTROL)) this.#lost();
    else this.#writer.writeAll();
  }

  /** Redis may have lost counts and records. */
  #lost(): void {
    this.#writer.writeAll();
    this.#records.reload();
  }

  /** Channels of the control partition, with what their messages do. */
  #control(): Map<string, (text: string) => unknown> {
    return this.#channels ??= new Map<string, (text: string) => unknown>([
      [this.#liveness.channel, () => this.#liveness.hinted()],
      [this.#records.channel, (text) => this.#records.told(text)],
      [this.#requests.channel, (text) => this.#requests.asked(text)],
      [this.#requests.answerChannel, (text) => this.#requests.answered(text)],
    ]);
  }
  #channels: Map<string, (text: string) => unknown> | undefined;

  *#counts(): Generator<Counted> {
    yield* this.#seats.all();
    yield* this.#presence.all();
  }

  /** Counts under a new field. */
  #startCounts(): void {
    this.#liveness.renewField();
    this.#writer.writeAll();
  }

  #sharedState(names: Names, settlement: Settlement): SharedState {
    const link = this.#link;
    const place = (space: string, key: string) => names.place("once", `${space}\0${key}`);
    return {
      put: async (space, key, value, ttlMs) => {
        const { partition, key: name } = place(space, key);
        await link.call(partition, (send) => send(["SET", name, value, "PX", String(Math.ceil(ttlMs))]));
      },
      take: async (space, key) => {
        const { partition, key: name } = place(space, key);
        const value = await link.call(partition, (send) => send(["GETDEL", name]));
        return value === null ? undefined : String(value);
      },
      seat: (user, cap) => this.#seats.seat(user, cap),
      unseat: (user) => this.#seats.unseat(user),
      join: (module, topic, user) => this.#presence.join(module, topic, user),
      leave: (module, topic, user) => this.#presence.leave(module, topic, user),
      present: (module, topic) => this.#presence.present(module, topic),
      settle: (spent) => settlement.settle(spent),
    };
  }
}
