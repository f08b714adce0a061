/** A session with declared topics, its module in the test's hand. */
import type { TopicContract } from "../../lib/sandbox/sandbox.ts";
import { World, type WorldOptions } from "../helpers/session_world.ts";

export const DENIED = -32003;
const events = new Map([["said", { name: "said", data: {} }]]);
export const ROOM: TopicContract = {
  pattern: "room:{room}",
  params: {},
  roles: ["user"],
  allow: true,
  recheckMs: 60_000,
  events,
};
export const NEWS: TopicContract = { pattern: "news", allow: false, events };

export class Topics extends World {
  /** Codes by request id. */
  readonly codes = new Map<number, number>();
  /** The events received, in order. */
  readonly heard: string[] = [];
  readonly ended: string[] = [];
  #id = 0;
  #read = 0;

  constructor(options: WorldOptions = {}) {
    super({ topics: [ROOM, NEWS], ...options });
  }

  ask(method: string, topic: string): number {
    const id = ++this.#id;
    this.send(JSON.stringify({ jsonrpc: "2.0", id, method, params: { topic } }));
    return id;
  }

  subscribe(topic = "room:a"): number {
    return this.ask("topic.subscribe", topic);
  }

  publish(text: string, topic = "room:a"): void {
    this.hub.publish("world.v1", topic, new TextEncoder().encode(JSON.stringify(text)));
  }

  /** The module answers its oldest question. */
  answer(yes: boolean): void {
    this.asked.shift()!.call.resolve(String(yes));
  }

  refresh(roles = ["user"], claims: Record<string, unknown> = {}): void {
    this.session.renew({ user: "ada", roles, claims, issuedAt: 0, expiresAt: Infinity });
  }

  /** Time passes. */
  pass(milliseconds: number): void {
    for (let passed = 0; passed < milliseconds; passed += 250) {
      this.advance(250);
      this.deadlines.advance(this.clock.now());
    }
  }

  /** Reads what was sent. */
  look(): this {
    for (; this.#read < this.sent.length; this.#read++) {
      const message = JSON.parse(this.sent[this.#read]!);
      if (message.method === "topic.ended") this.ended.push(`${message.params.topic} ${message.params.reason}`);
      else if (typeof message === "string") this.heard.push(message);
      else this.codes.set(message.id, message.error?.code ?? 0);
    }
    return this;
  }
}
