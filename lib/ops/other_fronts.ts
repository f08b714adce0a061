/** Asks the other fronts of the service over their unix sockets. */
import { request } from "node:http";
import type { Readable } from "node:stream";
import type { AdminAnswer } from "./attempt.ts";
import { isAboutAll } from "./merged_answers.ts";

/** Time for the answers of the other fronts. */
const DEADLINE_MS = 1_000;
/** Maximum size of an answer. */
const MAX_ANSWER_BYTES = 64 * 2 ** 20;

export interface OtherFrontsOptions {
  /** The number of this front. */
  readonly number: number;
  /** Paths of the sockets of all fronts, by number. */
  readonly sockets: readonly string[];
  readonly secret: string;
  /** Whether the fronts are nodes of a cluster: one of them then answers for all, while its link is up. */
  readonly clustered: boolean;
}

/** A request to each of the other fronts. */
export interface FrontRequest {
  readonly method: string;
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: unknown;
}

/** The other fronts of the service, as the front that speaks for all sees them. */
export class OtherFronts {
  readonly #options: OtherFrontsOptions;

  constructor(options: OtherFrontsOptions) {
    this.#options = options;
  }

  /** The number of this front. */
  get own(): number {
    return this.#options.number;
  }

  /**
   * Whether an administrative request goes to the other fronts too, after this one's answer. In a cluster it does where
   * that answer is not about all nodes. What is published there never does: a client could receive it twice.
   */
  concerns(path: string, own: AdminAnswer): boolean {
    if (path === "/publish") return !this.#options.clustered;
    return /^\/(connections|bans|revocations)(\/|$)/.test(path) && !(this.#options.clustered && isAboutAll(own));
  }

  /** The answers by the number of the front, parsed by `read`; null of a front without an answer within a second. */
  async ask<Answer>(what: FrontRequest, read: (text: string) => Answer): Promise<Map<number, Answer | null>> {
    const { sockets, number, secret } = this.#options;
    const others = [...sockets.entries()].filter(([front]) => front !== number);
    return new Map(
      await Promise.all(others.map(async ([front, socket]) => {
        const answer = await exchange(socket, secret, what).then(read).catch(() => null);
        return [front, answer] as const;
      })),
    );
  }
}

function exchange(socketPath: string, secret: string, { method, path, body }: FrontRequest): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const asked = request({
    socketPath,
    method,
    path,
    agent: false,
    headers: { host: "localhost", authorization: `Bearer ${secret}`, connection: "close" },
  }, (answer) => {
    if (answer.statusCode === 200) readText(answer).then(resolve, reject);
    else reject(new Error(`status ${answer.statusCode}`));
  });
  const timer = setTimeout(() => asked.destroy(new Error("no answer in time")), DEADLINE_MS);
  asked.on("error", reject);
  asked.end(body === undefined ? undefined : JSON.stringify(body));
  return promise.finally(() => {
    clearTimeout(timer);
    asked.destroy();
  });
}

async function readText(stream: Readable): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > MAX_ANSWER_BYTES) throw new RangeError("the answer is too large");
    chunks.push(chunk);
  }
  return new TextDecoder().decode(await new Blob(chunks as BlobPart[]).bytes());
}
