/** Reads the PROXY protocol header that a trusted proxy sends before anything else. */

import type { EdgeConnection, Stage } from "./connection.ts";
import type { Expiring } from "../../timing/deadline_queue.ts";
import { parseProxyHeader, type ProxyHeader } from "./proxy_protocol.ts";

export interface ProxyHost {
  /** A header was received; `rest` is the data after it. */
  announced(stage: ProxyStage, header: ProxyHeader, rest: Uint8Array): void;
  /** The header is missing or invalid: the connection is to be logged, counted and cut. */
  rejected(stage: ProxyStage, reason: "bad_request" | "timeout"): void;
  /** The connection ended before the header was complete. */
  gone(stage: ProxyStage): void;
}

/** The stage until the header is complete. Anything but a header ends the connection without an answer. */
export class ProxyStage implements Stage, Expiring {
  readonly #host: ProxyHost;
  readonly connection: EdgeConnection;
  /** The proxy's own address. */
  readonly proxy: string;
  #bytes = new Uint8Array(0);

  constructor(host: ProxyHost, connection: EdgeConnection, proxy: string) {
    this.#host = host;
    this.connection = connection;
    this.proxy = proxy;
  }

  secured(): void {}

  received(chunk: Uint8Array): void {
    const bytes = new Uint8Array(this.#bytes.length + chunk.length);
    bytes.set(this.#bytes);
    bytes.set(chunk, this.#bytes.length);
    const header = parseProxyHeader(bytes);
    if (header === "invalid") return this.#host.rejected(this, "bad_request");
    if (header === "more") this.#bytes = bytes;
    else this.#host.announced(this, header, bytes.subarray(header.size));
  }

  written(): void {}

  ended(): void {
    this.connection.destroy();
  }

  closed(): void {
    this.#host.gone(this);
  }

  expired(): void {
    this.#host.rejected(this, "timeout");
  }
}
