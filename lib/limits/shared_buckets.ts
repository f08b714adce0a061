/** Bucket tables and rates that the sessions of one server share. */
import type { BanSettings } from "./bans.ts";
import type { Rate } from "./bucket.ts";
import type { SpendingLedger } from "./spending_ledger.ts";
import { BucketTable, type Settled, type TableOptions } from "./table.ts";

/** The kind of the bucket that refused. */
export type Scope = "ip" | "connection" | "user" | "method" | "bytes";

/** `[limits]` of the configuration, in milliseconds and bytes. */
export interface LimitSettings extends BanSettings {
  readonly handshake: Readonly<Rate>;
  readonly handshake_user: Readonly<Rate>;
  readonly ip: Readonly<Rate>;
  readonly connection: Readonly<Rate> & { readonly bytes_rate: number; readonly bytes_burst: number };
  readonly user: Readonly<Rate>;
  readonly ticket: Readonly<Rate>;
  readonly types: Readonly<Record<string, Readonly<Rate>>>;
  readonly on_exceed: "reject" | "delay";
  readonly max_violations: number;
}

/** Collaborators of session buckets. */
export interface SessionDeps {
  readonly clock: () => number;
  readonly limited: (scope: Scope) => void;
  /** Counts a violation; true if it exceeds the allowed number. */
  readonly violated: (user: string, ip: string, now: number) => boolean;
}

/** Minimum limit of control frames, however low the limit of messages is. */
const LEAST_CONTROL: Readonly<Rate> = { rate: 10, burst: 100 };

/** Rates and bucket tables that all sessions share. */
export class SharedBuckets {
  readonly connection: Rate;
  readonly bytes: Rate;
  readonly control: Rate;
  readonly ips: BucketTable;
  readonly users: BucketTable;
  /** Buckets by user for each method of `limits.types`. */
  readonly methods = new Map<string, BucketTable>();
  /** Incremented by every change of settings. */
  version = 0;
  delay = false;
  shrink = 1;
  readonly #options: TableOptions | undefined;
  readonly #ledger: SpendingLedger | undefined;

  /** With `ledger`, all nodes share the buckets of users, addresses and methods. */
  constructor(
    settings: LimitSettings,
    readonly deps: SessionDeps,
    options: TableOptions | undefined,
    ledger?: SpendingLedger,
  ) {
    this.#options = options;
    this.#ledger = ledger;
    this.connection = { rate: 0, burst: 0 };
    this.bytes = { rate: 0, burst: 0 };
    this.control = { rate: 0, burst: 0 };
    this.ips = new BucketTable({ rate: 0, burst: 0 }, options, this.#settled("ip"));
    this.users = new BucketTable({ rate: 0, burst: 0 }, options, this.#settled("user"));
    this.reconfigure(settings);
  }

  reconfigure({ connection, ip, user, types, on_exceed }: LimitSettings): void {
    const { rate, burst, bytes_rate, bytes_burst } = connection;
    Object.assign(this.connection, { rate, burst });
    Object.assign(this.bytes, { rate: bytes_rate, burst: bytes_burst });
    Object.assign(this.control, {
      rate: Math.max(rate, LEAST_CONTROL.rate),
      burst: Math.max(burst, LEAST_CONTROL.burst),
    });
    Object.assign(this.ips.limit, ip);
    Object.assign(this.users.limit, user);
    for (const method of this.methods.keys()) if (!Object.hasOwn(types, method)) this.methods.delete(method);
    for (const [method, limit] of Object.entries(types)) {
      const table = this.methods.get(method);
      if (table) Object.assign(table.limit, limit);
      else this.methods.set(method, new BucketTable({ ...limit }, this.#options, this.#settled(`method:${method}`)));
    }
    this.delay = on_exceed === "delay";
    this.version++;
  }

  sweep(count: number, now: number): void {
    this.ips.sweep(count, now);
    this.users.sweep(count, now);
    for (const table of this.methods.values()) table.sweep(count, now);
  }
  #settled(space: string): Settled | undefined {
    return this.#ledger && { ledger: this.#ledger, space };
  }
}
