/** Signatures of control messages, so that access to Redis alone does not allow to kick, unban or revoke. */
import { Buffer } from "node:buffer";
import { createHmac } from "node:crypto";
import { equalDigests } from "../../base/equal_secrets.ts";

/** A signature holds for one purpose, so that no message passes for one of another kind. */
export type Purpose = "record" | "request" | "answer" | "node";

const MAC_LENGTH = 43;

/** Signs and verifies values: `HMAC.JSON`, with HMAC-SHA256 over purpose and JSON. */
export class Envelopes {
  readonly #secret: Uint8Array;

  constructor(secret: Uint8Array) {
    this.#secret = secret;
  }

  seal(purpose: Purpose, value: unknown): string {
    const json = JSON.stringify(value);
    return `${this.#mac(purpose, json).toString("base64url")}.${json}`;
  }

  /** The value; undefined unless a node with this secret has signed it for this purpose. */
  open(purpose: Purpose, text: string): unknown {
    if (text[MAC_LENGTH] !== ".") return undefined;
    const json = text.slice(MAC_LENGTH + 1);
    const mac = Buffer.from(text.slice(0, MAC_LENGTH), "base64url");
    const expected = this.#mac(purpose, json);
    if (mac.length !== expected.length || !equalDigests(mac, expected)) return undefined;
    return JSON.parse(json);
  }

  #mac(purpose: Purpose, json: string): Buffer {
    return createHmac("sha256", this.#secret).update(`${purpose}\0${json}`).digest();
  }
}
