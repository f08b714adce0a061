/** A run of `connect`: lines of the input become messages, messages become lines of the output. */
import { CallError, type Client, createClient, type State, type Why } from "../../../client/mod.ts";
import { closeMeaning, ERRORS, meaning, REASONS } from "../../front/page/meanings.js";
import { CLOSE_CODES } from "../../gate/outcomes.ts";
import { CloseCode } from "../../websocket/websocket.ts";
import { type CallLine, readLine, type TextLine } from "./lines.ts";
import { askRefusal, type FailedHandshake, isTemporary } from "./refusal.ts";
import type { Screen } from "./screen.ts";
import { createWire, type Wire } from "./socket.ts";

/** Maximum time to wait for the peer's close frame. */
const CLOSE_TIMEOUT_MS = 2_000;
const ANSWER_TIMEOUT_MS = 10_000;

/** Where to connect, and what the handshake carries. */
export interface Target {
  /** `http:` or `https:`. */
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** Empty: none is asked for. */
  readonly subprotocol: string;
  /** PEM of certificates to trust. */
  readonly ca: string | undefined;
}

/** One run of the command. */
export class ConnectSession {
  readonly #target: Target;
  readonly #screen: Screen;
  readonly #raw: boolean;
  readonly #http: Deno.HttpClient | undefined;
  readonly #wire: Wire;
  readonly #client: Client;
  readonly #opened = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<void>();
  /** The input has ended, or the user ended the command. */
  #leaving = false;
  #failed = false;
  /** Number of calls without an id of their own. */
  #numbered = 0;
  #state: State = "idle";
  /** Resumes the line that waits for an answer to a text. */
  #answered = () => {};

  constructor(target: Target, screen: Screen, raw: boolean) {
    this.#target = target;
    this.#screen = screen;
    this.#raw = raw;
    this.#http = target.ca === undefined ? undefined : Deno.createHttpClient({ caCerts: [target.ca] });
    const { headers, url, subprotocol } = target;
    this.#wire = createWire({ headers, raw, http: this.#http, received: (data) => this.#received(data) });
    this.#client = createClient(url, { subprotocol, env: { WebSocket: this.#wire.WebSocket } });
    this.#client.on("state", (state, why) => void this.#became(state, why));
  }

  /** Resolves to whether the connection and every call went well. */
  async run(): Promise<boolean> {
    this.#client.connect().catch(() => {}); // the states report it
    await Promise.race([this.#opened.promise, this.#closed.promise]);
    const input = this.#screen.lines[Symbol.asyncIterator]();
    while (this.#client.state !== "closed") {
      const next = await Promise.race([input.next(), this.#closed.promise]);
      if (!next || next.done) break;
      await this.#take(next.value);
    }
    this.#leaving = true;
    const timeout = Promise.withResolvers<void>();
    const timer = setTimeout(timeout.resolve, CLOSE_TIMEOUT_MS);
    await Promise.race([this.#client.close(), timeout.promise]);
    clearTimeout(timer);
    this.#http?.close();
    return !this.#failed;
  }

  async #take(line: string): Promise<void> {
    const read = this.#raw ? { kind: "text", text: line, answered: false } as const : readLine(line);
    if (read?.kind === "call") await this.#call(read);
    else if (read?.kind === "text") await this.#send(read);
    else if (read?.kind === "faulty") this.#problem(read.problem);
  }

  async #call({ method, params, id = ++this.#numbered }: CallLine): Promise<void> {
    const answer = (rest: object) => JSON.stringify({ jsonrpc: "2.0", id, ...rest });
    try {
      const result = await this.#client.call(method, params);
      this.#screen.message(answer({ result: result ?? null }), "result");
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      const { code, message, data, outcome } = error;
      if (outcome === "refused") {
        this.#screen.message(answer({ error: { code, message, data } }), "error");
        const known = ERRORS.get(code);
        this.#problem(`${method}: refused with ${code}${known === undefined ? "" : `: ${known}`}`);
      } else if (outcome === "not_sent") this.#problem(`${method}: not sent: ${message}`);
      else this.#problem(`${method}: no answer: ${message}. The server may have executed it.`);
    }
  }

  /** Sends text, and waits for its answer, if any. */
  async #send({ text, answered }: TextLine): Promise<void> {
    const answer = Promise.withResolvers<void>();
    this.#answered = answer.resolve;
    if (!this.#wire.send(text)) return this.#problem("Not sent: no connection");
    if (!answered) return;
    const timer = setTimeout(() => {
      this.#problem("No answer");
      answer.resolve();
    }, ANSWER_TIMEOUT_MS);
    await Promise.race([answer.promise, this.#closed.promise]);
    clearTimeout(timer);
  }

  #received(data: string | ArrayBuffer): void {
    if (typeof data !== "string") return this.#screen.note(`${data.byteLength} bytes, binary`);
    const { method, error } = this.#raw ? {} as Record<string, unknown> : parse(data);
    this.#screen.message(data, error === undefined ? method === undefined ? "result" : "event" : "error");
    if (method === undefined) this.#answered();
    if (error !== undefined) this.#failed = true;
    if (method === "session.reconnect") this.#screen.note("The server goes away; another connection takes over.");
  }

  async #became(state: State, why: Why | null): Promise<void> {
    const before = this.#state;
    this.#state = state;
    if (state === "open") {
      this.#screen.note(this.#welcome());
      this.#opened.resolve();
    } else if (state === "closed") {
      if (!this.#leaving && why && why.reason !== GIVEN_UP) this.#problem(`Closed: ${ending(why)}`);
      this.#closed.resolve();
    } else if (state === "waiting" && why) {
      if (before === "connecting") return await this.#refused(why);
      if (CLOSE_CODES.get(why.code)?.retry === "new_token") return this.#giveUp(`Closed: ${ending(why)}`);
      this.#screen.note(`Connection lost: ${ending(why)} Reconnecting in ${seconds(why.retryInMs)}.`);
    }
  }

  /** An attempt failed. A WebSocket does not expose the reason, so an HTTP request asks for it. */
  async #refused(why: Why): Promise<void> {
    const refusal = await askRefusal(this.#target);
    if (this.#client.state === "closed" || this.#client.state === "open") return;
    const text = refusal === null ? `The attempt failed: ${ending(why)}` : refused(refusal, this.#target.url);
    if (this.#everOpened && (refusal === null || isTemporary(refusal))) this.#screen.note(`${text} Trying again.`);
    else this.#giveUp(text);
  }

  get #everOpened(): boolean {
    return this.#client.user !== null;
  }

  #welcome(): string {
    const { user, roles } = this.#client.user ?? { user: "", roles: [] };
    if (this.#raw) return "Connected.";
    return `Connected as ${user}, ${roles.length === 0 ? "without roles" : `roles: ${roles.join(", ")}`}.`;
  }

  #problem(text: string): void {
    this.#failed = true;
    this.#screen.problem(text);
  }

  #giveUp(text: string): void {
    this.#problem(text);
    void this.#client.close(GIVEN_UP);
  }
}

const GIVEN_UP = "given up";

/** Parses a message to an object; empty for a batch or invalid JSON. */
function parse(data: string): Record<string, unknown> {
  try {
    const value = JSON.parse(data);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
  } catch {
    return {};
  }
}

function ending(why: Why): string {
  const { reason } = why;
  const code = why.code || CloseCode.abnormal; // the platform's socket reports a broken connection as 0
  return `${code}${reason === "" ? "" : ` ${reason}`}: ${closeMeaning(code, reason)}`;
}

function refused(refusal: FailedHandshake, url: URL): string {
  if (refusal.kind === "unreachable") {
    const hint = /certificate|issuer/i.test(refusal.message) ? " Name the file of its certificate with --ca FILE." : "";
    return `${url.host} does not answer: ${refusal.message}.${hint}`;
  }
  const { status, reason, retryAfterS } = refusal;
  const wait = retryAfterS === undefined ? "" : ` Try again in ${retryAfterS} s.`;
  if (reason === "") return `Refused with ${status}: this is no answer of Sallyport.${wait}`;
  return `Refused with ${status} ${reason}: ${meaning(REASONS, reason)}${wait}`;
}

function seconds(ms = 0): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
