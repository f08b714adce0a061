/** The interface between a session and its topics. */
import type { RpcRequest } from "../rpc/rpc.ts";
import type { PendingCall } from "../sandbox/sandbox.ts";

/** Takes 0 or the JSON-RPC code of the refusal, at most once: not where the session ends before. */
export type Answer = (code: number) => void;

/** The operations of a session on topics. */
export interface Topics {
  /** Follows a topic, for the client itself or for a handler that subscribes its client. */
  subscribe(topic: string, by: "client" | "handler", answer: Answer): void;
  /** Does nothing where the topic is not followed. */
  unsubscribe(topic: string, by: "client" | "handler"): void;
  /** Publishes an event of the client: `topic` is that of the request's parameters. */
  publish(topic: string, request: RpcRequest, call: PendingCall): void;
  /** Answers with the users of a topic. */
  presence(topic: string, call: PendingCall): void;
  /** The session's token was replaced: what it may follow is judged again. */
  renewed(): void;
}
