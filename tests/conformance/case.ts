/** A conformance case: bytes to send, answers to get, and how the connection must end. */
import { type ClientFrame, closePayload, concat, fragments, frame } from "../helpers/client_frames.ts";

/** A message of the server, or its pong. Payloads are compared byte by byte. */
export interface Answer {
  readonly kind: "text" | "binary" | "pong";
  readonly payload: Uint8Array;
}

export type Step =
  /** Sends these bytes, all at once or in chops of so many octets. */
  | { readonly send: Uint8Array; readonly chop?: number }
  /** Goes on once so many answers have come. */
  | { readonly await: number }
  /** The frames so far are accepted: the server doesn't end the connection. */
  | { readonly quiet: true };

export interface Case {
  /** The number of the Autobahn test suite's case. */
  readonly id: string;
  readonly title: string;
  /** A function, as some are big. */
  readonly steps: () => Step[];
  readonly answers: () => Answer[];
  /**
   * The side that closes. client: once all answers are in, the runner sends a close frame (unless the steps have) and expects
   * one of these codes back. server: the server must fail the connection with one of these codes.
   */
  readonly close: { readonly by: "client" | "server"; readonly codes: readonly number[] };
  /** Answers that may be missing where the server is not strict: it was closed before it could give them. */
  readonly mayMissAnswers?: boolean;
}

const encoder = new TextEncoder();

export const text = (payload: string | Uint8Array): Answer => answer("text", payload);
export const binary = (payload: Uint8Array): Answer => answer("binary", payload);
export const pong = (payload: string | Uint8Array = ""): Answer => answer("pong", payload);

function answer(kind: Answer["kind"], payload: string | Uint8Array): Answer {
  return { kind, payload: typeof payload === "string" ? encoder.encode(payload) : payload };
}

/** Frames leaving in one write. */
export const together = (...frames: ClientFrame[]): Step[] => [{ send: concat(...frames.map(frame)) }];

/** Each frame in a write of its own. */
export const framewise = (...frames: ClientFrame[]): Step[] => frames.map((spec) => ({ send: frame(spec) }));

/** Frames in chops of so many octets, one by default. */
export const chopped = (frames: ClientFrame[], chop = 1): Step[] => [{ send: concat(...frames.map(frame)), chop }];

/** A message in fragments of so many octets. */
export const fragmented = (opcode: number, payload: string | Uint8Array, size: number): Step[] => [
  { send: concat(...fragments(opcode, payload, size)) },
];

/** A close frame. */
export const closing = (code: number, reason: string | Uint8Array = ""): ClientFrame => ({
  opcode: 8,
  payload: closePayload(code, reason),
});

interface Draft {
  readonly title: string;
  readonly steps: () => Step[];
  readonly answers?: () => Answer[];
  readonly mayMissAnswers?: boolean;
}

/** All is in order: the answers come, then a clean closing handshake. */
export function accepted(id: string, draft: Draft, codes: readonly number[] = [1000]): Case {
  return { id, answers: () => [], ...draft, close: { by: "client", codes } };
}

/** The server must fail the connection, after the answers. */
export function refused(id: string, code: number, draft: Draft): Case {
  return { id, answers: () => [], ...draft, close: { by: "server", codes: [code] } };
}

/** `hex("ce ba")` or `hex("ceba")`. */
export function hex(digits: string): Uint8Array<ArrayBuffer> {
  const pairs = digits.replaceAll(" ", "").match(/../g) ?? [];
  return Uint8Array.from(pairs, (pair) => parseInt(pair, 16));
}

/** A pattern repeated until it is so many octets long. */
export function repeated(pattern: string | Uint8Array, length: number): Uint8Array<ArrayBuffer> {
  const octets = typeof pattern === "string" ? encoder.encode(pattern) : pattern;
  return Uint8Array.from({ length }, (_, index) => octets[index % octets.length]!);
}
