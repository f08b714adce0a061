/** Records that all nodes hold: bans and revocations. */
import { ClusterUnavailable, type NodeDuties, type Notice } from "../cluster.ts";
import type { Envelopes } from "./envelope.ts";
import type { Link, Send } from "./link.ts";
import { CONTROL, type Names } from "./partitions.ts";
import { callScript } from "./scripts.ts";

/** A notice as Redis keeps it. `until` is null for a permanent record, because JSON has no infinity. */
interface Kept {
  readonly kind: string;
  readonly key: string;
  readonly record: string | null;
  readonly until: number | null;
  /** Version: milliseconds since the epoch when it was made, and more than that of the record before it. */
  readonly at: number;
}

export interface RecordsDeps {
  readonly link: () => Link;
  readonly names: Names;
  readonly envelopes: Envelopes;
  readonly duties: NodeDuties;
  /** A record was not signed by a node of this cluster. */
  readonly refused: () => void;
}

/** The version of a record of an earlier run: any other is later. */
const OLDEST = 1;
const SCAN_COUNT = 1_000;
/** Records sent at once. */
const BATCH = 100;
const MAX_UNSENT = 100_000;
/** Pause before records that Redis has not taken are given again, while the link stays up. */
const RETRY_MS = 1_000;
/** Least time between the end of a reload and the next one. */
const RELOAD_MS = 1_000;
/** Versions are swept after so many new ones. */
const SWEEP_AFTER = 4_096;

/**
 * Redis keeps the records in one hash, and a script tells each new one to all nodes. Of two records with one key, the
 * later version counts, at each node and in Redis. A node loads all of them before its link is up, and gives Redis those
 * that it lacks: made while the link was down, or lost by Redis.
 */
export class Records {
  readonly #deps: RecordsDeps;
  readonly #keys: readonly [records: string, ends: string];
  readonly #channel: string;
  readonly #versions = new Map<string, { readonly at: number; readonly until: number }>();
  /** Announcements that Redis has not taken. */
  readonly #unsent = new Map<string, Kept>();
  #sinceSweep = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  /** Set while records are loaded again, and for some time afterwards. */
  #reloading: ReturnType<typeof setTimeout> | true | undefined;
  #reloadAgain = false;
  #closed = false;

  constructor(deps: RecordsDeps) {
    this.#deps = deps;
    this.#keys = [deps.names.of(CONTROL, "records"), deps.names.of(CONTROL, "ends")];
    this.#channel = deps.names.of(CONTROL, "told");
  }

  get channel(): string {
    return this.#channel;
  }

  /** Tells all nodes; false if Redis did not take it. */
  async announce({ kind, key, record, until }: Notice): Promise<boolean> {
    const field = fieldOf(kind, key);
    const at = Math.max(Date.now(), (this.#versions.get(field)?.at ?? 0) + 1);
    const kept = { kind, key, record, until: Number.isFinite(until) ? until : null, at };
    this.#remember(field, kept);
    let latest = kept;
    try {
      const before = await this.#call(kept);
      if (before === null) return true;
      // Another node's clock is ahead, or its record is not known here yet. This one is later all the same.
      latest = { ...kept, at: (this.#open(before)?.at ?? at) + 1 };
      this.#remember(field, latest);
      return await this.#call(latest) === null;
    } catch (error) {
      if (!(error instanceof ClusterUnavailable)) throw error;
      if (this.#unsent.size < MAX_UNSENT) this.#unsent.set(field, latest);
      this.#retryLater();
      return false;
    }
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    if (this.#reloading !== true) clearTimeout(this.#reloading);
  }

  /** A call may fail although the link stays up, which would give the record only when it is up again. */
  #retryLater(): void {
    if (this.#closed || this.#unsent.size === 0) return;
    this.#retry ??= setTimeout(async () => {
      try {
        for (const kept of [...this.#unsent.values()]) {
          await this.#deps.link().call(CONTROL, (send) => this.#give(send, [kept]).then(() => null));
        }
      } catch {
        // The rest is given in the next attempt.
      }
      this.#retry = undefined;
      this.#retryLater();
    }, RETRY_MS);
  }

  /** A record that Redis tells. */
  told(text: string): void {
    const kept = this.#open(text);
    if (kept !== undefined) this.#learn(kept);
  }

  /** Loads all records, and gives Redis those that it lacks. */
  async load(send: Send): Promise<void> {
    const held = this.#held();
    const lacking = new Map(held);
    let cursor = "0";
    do {
      const reply = await send(["HSCAN", this.#keys[0], cursor, "COUNT", String(SCAN_COUNT)]);
      const [next, entries] = reply as [string, string[]];
      cursor = next;
      for (let i = 0; i < entries.length; i += 2) {
        const [field, text] = entries.slice(i, i + 2) as [string, string];
        const kept = this.#open(text);
        if (kept === undefined || fieldOf(kept.kind, kept.key) !== field) continue;
        const own = held.get(field);
        if (own !== undefined && this.#isLater(own, kept)) lacking.set(field, { ...own, at: kept.at + 1 });
        else {
          lacking.delete(field);
          this.#learn(kept);
        }
      }
    } while (cursor !== "0");
    await this.#give(send, [...this.#unsent.values()]);
    await this.#give(send, [...lacking.values()]);
  }

  /** Does what {@linkcode Records.load} does, while the link is up, because Redis has lost records. */
  reload(): void {
    this.#reloadAgain = this.#reloading !== undefined;
    if (this.#reloadAgain || this.#closed) return;
    this.#reloading = true;
    const send: Send = (args) =>
      this.#deps.link().send(CONTROL, args) ?? Promise.reject(new ClusterUnavailable("down"));
    // What fails here is done when the link is up again.
    this.load(send).catch(() => {}).then(() => {
      this.#reloading = setTimeout(() => {
        this.#reloading = undefined;
        if (this.#reloadAgain) this.reload();
      }, this.#closed ? 0 : RELOAD_MS);
    });
  }

  /** The records of this node that have not ended, by field. */
  #held(): Map<string, Kept> {
    const now = Date.now();
    const held = new Map<string, Kept>();
    for (const { kind, key, record, until } of this.#deps.duties.held()) {
      if (until <= now) continue;
      const field = fieldOf(kind, key);
      const at = this.#versions.get(field)?.at ?? OLDEST;
      held.set(field, { kind, key, record, until: Number.isFinite(until) ? until : null, at });
    }
    return held;
  }

  /** Whether a record of an earlier run was made after the kept one: while Redis was down, so that it lasts longer. */
  #isLater(own: Kept, kept: Kept): boolean {
    return own.at === OLDEST && (own.until ?? Infinity) > (kept.until ?? Infinity);
  }

  async #give(send: Send, records: readonly Kept[]): Promise<void> {
    for (let i = 0; i < records.length; i += BATCH) {
      await Promise.all(
        records.slice(i, i + BATCH).map(async (kept) => {
          const before = await this.#keep(send, kept);
          const field = fieldOf(kept.kind, kept.key);
          if (this.#unsent.get(field)?.at === kept.at) this.#unsent.delete(field);
          if (before !== null) this.told(before);
        }),
      );
    }
  }

  /** Keeps the record within the time of a call; see {@linkcode Records.#keep}. */
  async #call(kept: Kept): Promise<string | null> {
    return await this.#deps.link().call(CONTROL, (send) => this.#keep(send, kept)) as string | null;
  }

  /** Null if Redis keeps the record now, or the record that it keeps instead. */
  async #keep(send: Send, kept: Kept): Promise<string | null> {
    const { envelopes } = this.#deps;
    const { at, until } = kept;
    const field = fieldOf(kept.kind, kept.key);
    const text = `${at} ${envelopes.seal("record", kept)}`;
    const args = [field, String(at), until === null ? "" : String(Math.ceil(until)), text, this.#channel];
    const before = await callScript(send, "keep", this.#keys, args);
    if (before === null || before === text) return null;
    if (this.#open(String(before)) !== undefined) return String(before);
    // It is not of this cluster.
    await send(["HDEL", this.#keys[0], field]);
    await callScript(send, "keep", this.#keys, args);
    return null;
  }

  /** The record of a text `VERSION SIGNED`. */
  #open(text: string): Kept | undefined {
    const space = text.indexOf(" ");
    const kept = this.#deps.envelopes.open("record", text.slice(space + 1)) as Kept | undefined;
    if (kept !== undefined && String(kept.at) === text.slice(0, space)) return kept;
    this.#deps.refused();
    return undefined;
  }

  #learn(kept: Kept): void {
    const { kind, key, record } = kept;
    const until = kept.until ?? Infinity;
    const field = fieldOf(kind, key);
    if (until <= Date.now() || kept.at <= (this.#versions.get(field)?.at ?? 0)) return;
    this.#remember(field, kept);
    this.#deps.duties.learn({ kind, key, record, until });
  }

  #remember(field: string, { at, until }: Kept): void {
    this.#versions.set(field, { at, until: until ?? Infinity });
    if (++this.#sinceSweep < SWEEP_AFTER) return;
    this.#sinceSweep = 0;
    const now = Date.now();
    for (const [name, version] of this.#versions) if (version.until <= now) this.#versions.delete(name);
  }
}

function fieldOf(kind: string, key: string): string {
  return `${kind}\0${key}`;
}
