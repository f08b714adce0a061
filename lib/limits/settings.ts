/** The settings of all limits. */
import type { BanSettings } from "./bans.ts";
import type { Rate } from "./bucket.ts";

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
