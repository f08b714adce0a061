/** Topics over Redis: sharded publish and subscribe, one channel a topic. */
import type { Buffer } from "node:buffer";
import { type Backplane, CALL_MS, type ClusterFigures, type Deliver, type Published } from "../cluster.ts";
import { bufferOf } from "./connection.ts";
import { within } from "./deadline.ts";
import type { Link } from "./link.ts";
import type { Names } from "./partitions.ts";

/** Messages handed over to the link and not confirmed, at most. */
const MAX_PENDING = 100_000;
const MAX_PENDING_BYTES = 64 * 1024 * 1024;

/** A topic without subscribers stays subscribed for up to twice this time, because they often come back. */
const LINGER_MS = 200;

/** A topic that this node listens to. */
interface Heard {
  readonly module: string;
  readonly topic: string;
  readonly partition: number;
  /** False: the last subscriber has left. */
  wanted: boolean;
  /** The last subscriber had left before the last sweep. */
  lingers: boolean;
  /** Subscribed in the current session of its partition. */
  established: boolean;
  /** A subscription that is not established yet, and the messages that wait for it. */
  pending: { readonly done: Promise<void>; readonly held: Uint8Array[] } | null;
}

export interface TopicsDeps {
  readonly link: Link;
  readonly names: Names;
  readonly deliver: Deliver;
}

/**
 * Topics of all nodes. The messages of a topic have the order in which the topic's master received them; each node,
 * the publisher's included, receives them from there. While the partition is down, a message reaches the subscribers of
 * this node alone. A message that was handed over is never delivered in another way, so that there are no duplicates.
 */
export class Topics implements Backplane {
  readonly published: Record<keyof ClusterFigures["published"], number> = { sent: 0, local: 0, dropped: 0, unknown: 0 };
  received = 0;
  readonly #deps: TopicsDeps;
  /** By channel. */
  readonly #heard = new Map<string, Heard>();
  /** Channels whose last subscriber has left. */
  readonly #leaving = new Set<string>();
  #pending = 0;
  #pendingBytes = 0;
  #sweep: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(deps: TopicsDeps) {
    this.#deps = deps;
  }

  listen(module: string, topic: string): Promise<void> | undefined {
    const { partition, key: channel } = this.#place(module, topic);
    let heard = this.#heard.get(channel);
    if (heard === undefined) {
      heard = { module, topic, partition, wanted: true, lingers: false, established: false, pending: null };
      this.#heard.set(channel, heard);
    }
    if (!heard.wanted) this.#leaving.delete(channel);
    heard.wanted = true;
    if (heard.established) return undefined;
    if (heard.pending === null) this.#subscribe(channel, heard);
    return heard.pending?.done;
  }

  unlisten(module: string, topic: string): void {
    const { key: channel } = this.#place(module, topic);
    const heard = this.#heard.get(channel);
    if (heard === undefined) return;
    heard.wanted = heard.lingers = false;
    this.#leaving.add(channel);
    if (!this.#closed) this.#sweep ??= setTimeout(this.#leave, LINGER_MS);
  }

  publish(module: string, topic: string, text: Uint8Array): Published {
    const { link, deliver } = this.#deps;
    const { partition, key: channel } = this.#place(module, topic);
    if (!link.isUp(partition)) {
      this.published.local++;
      deliver(module, topic, text);
      return "local";
    }
    if (this.#pending >= MAX_PENDING || this.#pendingBytes + text.length > MAX_PENDING_BYTES) {
      this.published.dropped++;
      return "dropped";
    }
    this.#pending++;
    this.#pendingBytes += text.length;
    const held = this.#heard.get(channel)?.pending?.held;
    if (held !== undefined) held.push(text);
    else this.#send(partition, channel, text);
    return "sent";
  }

  /** Channels to subscribe to, by partition. */
  channels(partitions: readonly number[]): Iterable<string[]> {
    const wanted = new Set(partitions);
    const channels = [...this.#heard].filter(([, { partition }]) => wanted.has(partition));
    return Map.groupBy(channels, ([, { partition }]) => partition).values().map((group) => group.map(([name]) => name));
  }

  /** All channels of the partitions are subscribed. */
  up(partitions: readonly number[]): void {
    const risen = new Set(partitions);
    for (const heard of this.#heard.values()) {
      if (heard.pending === null && risen.has(heard.partition)) heard.established = true;
    }
  }

  /** The partitions are down. What has not been handed over is delivered here. */
  down(partitions: readonly number[]): void {
    const fallen = new Set(partitions);
    for (const heard of this.#heard.values()) {
      if (!fallen.has(heard.partition)) continue;
      heard.established = false;
      for (const text of this.#release(heard)) {
        this.#settled(text, "local");
        this.#deps.deliver(heard.module, heard.topic, text);
      }
    }
  }

  message(channel: string, message: Buffer): void {
    const heard = this.#heard.get(channel);
    if (!heard?.wanted) return;
    this.received++;
    this.#deps.deliver(heard.module, heard.topic, message);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#sweep);
  }

  #place(module: string, topic: string): { partition: number; key: string } {
    return this.#deps.names.place("topic", `${module}\0${topic}`);
  }

  #subscribe(channel: string, heard: Heard): void {
    const subscribed = this.#deps.link.subscribe(heard.partition, [channel]);
    if (subscribed === undefined) return;
    subscribed.then(() => heard.established = this.#heard.get(channel) === heard, () => {});
    const done = within(CALL_MS, subscribed).then(() => {}, () => {}).then(() => {
      if (heard.pending?.done !== done) return;
      for (const text of this.#release(heard)) this.#send(heard.partition, channel, text);
    });
    heard.pending = { done, held: [] };
  }

  /** Ends the wait for a subscription, and returns the messages that waited. */
  #release(heard: Heard): Uint8Array[] {
    const held = heard.pending?.held ?? [];
    heard.pending = null;
    return held;
  }

  #send(partition: number, channel: string, text: Uint8Array): void {
    const sent = this.#deps.link.send(partition, ["SPUBLISH", channel, bufferOf(text)]);
    if (sent === undefined) this.#settled(text, "dropped");
    else sent.then(() => this.#settled(text, "sent"), () => this.#settled(text, "unknown"));
  }

  #settled(text: Uint8Array, outcome: keyof ClusterFigures["published"]): void {
    this.#pending--;
    this.#pendingBytes -= text.length;
    this.published[outcome]++;
  }

  /** Unsubscribes from the topics that no subscriber has come back to. */
  readonly #leave = (): void => {
    this.#sweep = undefined;
    const left = new Map<number, string[]>();
    for (const channel of this.#leaving) {
      const heard = this.#heard.get(channel)!;
      if (!heard.lingers) {
        heard.lingers = true;
        continue;
      }
      this.#leaving.delete(channel);
      this.#heard.delete(channel);
      const channels = left.get(heard.partition);
      if (channels === undefined) left.set(heard.partition, [channel]);
      else channels.push(channel);
    }
    for (const [partition, channels] of left) this.#deps.link.unsubscribe(partition, channels);
    if (this.#leaving.size > 0 && !this.#closed) this.#sweep = setTimeout(this.#leave, LINGER_MS);
  };
}
