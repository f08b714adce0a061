/** The right of a session to declared topics. */
import { ErrorCode } from "../rpc/rpc.ts";
import { mayFollow, type PendingCall, type TopicContract } from "../sandbox/sandbox.ts";
import type { SessionState } from "./state.ts";
import type { Answer } from "./topics.ts";

/** The right of one session to declared topics: by its roles here, by the module's `allow` in its cell. */
export class TopicRight {
  readonly #session: SessionState;

  constructor(session: SessionState) {
    this.#session = session;
  }

  /** Whether the module declares its topics; else names are free. */
  get declared(): boolean {
    return this.#session.module.contract.topics.size > 0;
  }

  /** The declared topic of that name, if the session's roles may follow it; undefined for those it may not, and for unknown ones. */
  of(topic: string): TopicContract | undefined {
    const known = this.#session.module.topicOf(topic);
    return known !== undefined && mayFollow(known, this.#session.identity.roles) ? known : undefined;
  }

  /** Whether the session has one of the roles. */
  has(roles: readonly string[] = []): boolean {
    return roles.some((role) => this.#session.identity.roles.includes(role));
  }

  /** Asks the module; -32003 is any kind of no, -32004 that it could not be asked. */
  ask(topic: string, asked: "by_handler" | "in_order", answer: Answer): void {
    this.#session.line.allow(topic, asked, answered(answer));
  }
}

function answered(answer: Answer): PendingCall {
  return {
    resolve: (json) => answer(isTrue(json) ? 0 : ErrorCode.FORBIDDEN),
    reject: (code) => answer(code === ErrorCode.OVERLOADED ? code : ErrorCode.FORBIDDEN),
  };
}

function isTrue(json: string | Uint8Array): boolean {
  return (typeof json === "string" ? json : new TextDecoder().decode(json)) === "true";
}
