/** The live nodes: each holds a lease, which it renews every second. */
import type { Log } from "../../log/log.ts";
import type { NodeDescription, NodeInfo } from "../cluster.ts";
import { newNodeId } from "../node_id.ts";
import type { Envelopes } from "./envelope.ts";
import type { Link, Send } from "./link.ts";
import { CONTROL, type Names } from "./partitions.ts";
import { callScript } from "./scripts.ts";

/** With the second between two looks, a dead node stops counting within 15 seconds. */
const LEASE_MS = 13_000;
/** A description of another age was not written by a live node. Its lease ends before that. */
const MAX_AGE_MS = LEASE_MS + 1_000;
const RENEW_MS = 1_000;
/** Least time between two renewals that hints of other nodes cause. */
const HINT_MS = 100;

/** A node as Redis has it, signed. */
interface Described extends NodeDescription {
  readonly id: string;
  readonly since: number;
  readonly draining: boolean;
  /** The field that its counts are under. */
  readonly field: string;
  /** When it was written, by the clock of Redis, in milliseconds since the epoch. */
  readonly at: number;
}

export interface LivenessDeps {
  readonly link: () => Link;
  readonly names: Names;
  readonly envelopes: Envelopes;
  readonly log: Log;
  readonly node: string;
  readonly describe: () => NodeDescription;
  /** The lease had lapsed, so the other nodes may have removed the counts of this one. */
  readonly lapsed: () => void;
  /** A description was not signed by that node of this cluster, or is not of now. */
  readonly refused: () => void;
}

export class Liveness {
  /** The field of the counts of this node. Never used again by a later one. */
  field = newNodeId();
  readonly #deps: LivenessDeps;
  readonly #since = Date.now();
  readonly #channel: string;
  readonly #keys: readonly [leases: string, descriptions: string, records: string, ends: string];
  #others = new Map<string, Described>();
  #fields: string[] = [];
  #draining = false;
  #joined = false;
  #closed = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #renewedAt = 0;
  /** Milliseconds by which the clock of Redis is ahead of the monotonic one of this process. */
  #clockAhead = 0;
  #renewing = false;
  #hinted = false;

  constructor(deps: LivenessDeps) {
    this.#deps = deps;
    this.#channel = deps.names.of(CONTROL, "nodes");
    const of = (kind: string) => deps.names.of(CONTROL, kind);
    this.#keys = [of("leases"), of("described"), of("records"), of("ends")];
  }

  /** The channel on which nodes hint at a change of the list. */
  get channel(): string {
    return this.#channel;
  }

  /** Fields of the other live nodes, and of this one. */
  fields(): readonly string[] {
    return [...this.#fields, this.field];
  }

  /** All nodes as last known, this one first. */
  nodes(): NodeInfo[] {
    return [this.#own(), ...this.#others.values()].map(({ field: _, at: __, ...info }) => ({
      ...info,
      own: info.id === this.#deps.node,
    }));
  }

  /** Takes the lease, and renews it from now on. `send` is of a link that is not up yet. */
  async take(send: Send): Promise<void> {
    const [seconds, microseconds] = await send(["TIME"]) as [string, string];
    this.#heardTime(Number(seconds) * 1_000 + Number(microseconds) / 1_000);
    await this.#renew(send);
    if (this.#timer === undefined && !this.#closed) this.#schedule(RENEW_MS);
  }

  /** Writes the counts under a new field from now on; those of the old one no longer count. */
  renewField(): void {
    this.field = newNodeId();
    this.hinted();
  }

  drain(): void {
    this.#draining = true;
    this.hinted();
  }

  /** Renews soon, because the list of nodes has changed. */
  hinted(): void {
    if (this.#timer === undefined || this.#closed) return;
    if (this.#renewing) this.#hinted = true;
    else this.#schedule(Math.max(0, this.#renewedAt + HINT_MS - performance.now()));
  }

  /** Gives up the lease. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    const { node } = this.#deps;
    const link = this.#deps.link();
    const [leases, descriptions] = this.#keys;
    await Promise.allSettled([
      link.call(CONTROL, (send) => send(["ZREM", leases, node])),
      link.call(CONTROL, (send) => send(["HDEL", descriptions, node])),
      link.call(CONTROL, (send) => send(["SPUBLISH", this.#channel, ""])),
    ]);
  }

  #schedule(milliseconds: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(async () => {
      this.#renewing = true;
      this.#hinted = false;
      const link = this.#deps.link();
      await link.call(CONTROL, async (send) => (await this.#renew(send), null)).catch(() => {});
      this.#renewing = false;
      if (!this.#closed) this.#schedule(this.#hinted ? HINT_MS : RENEW_MS);
    }, milliseconds);
  }

  async #renew(send: Send): Promise<void> {
    this.#renewedAt = performance.now();
    const { node, envelopes } = this.#deps;
    const description = envelopes.seal("node", this.#own());
    const reply = await callScript(send, "lease", this.#keys, [node, String(LEASE_MS), description]);
    if (this.#closed) return;
    const [absent, time, ...descriptions] = reply as [number, ...string[]];
    this.#heardTime(Number(time));
    this.#take(Number(time), descriptions);
    if (absent === 0) return;
    if (this.#joined) this.#deps.lapsed();
    this.#joined = true;
    await send(["SPUBLISH", this.#channel, ""]);
  }

  #own(): Described {
    const { node, describe } = this.#deps;
    const at = Math.round(performance.now() + this.#clockAhead);
    return { ...describe(), id: node, since: this.#since, draining: this.#draining, field: this.field, at };
  }

  #heardTime(time: number): void {
    this.#clockAhead = time - performance.now();
  }

  /** `descriptions`: node and description, and so on, of all that have a lease. */
  #take(time: number, descriptions: readonly string[]): void {
    const { node, log, envelopes, refused } = this.#deps;
    const found = new Map<string, Described>();
    for (let i = 0; i < descriptions.length; i += 2) {
      const [id, text] = descriptions.slice(i, i + 2) as [string, string];
      const described = envelopes.open("node", text) as Described | undefined;
      // A description that is written again later, or for another node, says nothing.
      if (described?.id !== id || Math.abs(time - described.at) > MAX_AGE_MS) refused();
      else if (id !== node) found.set(id, described);
    }
    for (const [id, { name }] of found) if (!this.#others.has(id)) log.info("cluster.node_joined", { node: id, name });
    for (const [id, { name }] of this.#others) if (!found.has(id)) log.info("cluster.node_left", { node: id, name });
    this.#others = found;
    this.#fields = [...found.values()].map(({ field }) => field);
  }
}
