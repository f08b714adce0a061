/**
 * The client library of Sallyport for browsers, Node, Deno and Bun. It reconnects, refreshes tokens, and reports the outcome
 * of each call.
 *
 * ```ts
 * const client = createClient("wss://chat.example.com/ws", { subprotocol: "chat.v1", token: () => fetchToken() });
 * await client.connect();
 * await client.call("chat.send", { room: "lobby", text: "Hello" });
 * ```
 *
 * @module
 */
import { createMachine } from "./client.ts";
import { platformEnv } from "./env.ts";
import type { Client, Contract, Options } from "./types.ts";

export { CallError } from "./call_error.ts";
export type {
  CallOptions,
  Client,
  ClientEvents,
  Contract,
  Options,
  Outcome,
  State,
  Subscription,
  SubscriptionState,
  TokenAsk,
  User,
  Why,
} from "./types.ts";

/**
 * Creates a client. It does nothing before `connect()`. `url` is `wss:`, `ws:` or, in a page, relative to the page.
 *
 * @throws {TypeError} if `url` is invalid
 */
export function createClient<C extends Contract = Contract>(url: string | URL, options: Options): Client<C> {
  const target = new URL(`${url}`.replace(/^ws/, "http"), globalThis.location?.href);
  return createMachine(target, options, platformEnv(options.env)) as unknown as Client<C>;
}
