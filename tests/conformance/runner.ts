/** Runs a conformance case against any echo peer and judges what came back. */
import { closePayload, concat, frame } from "../helpers/client_frames.ts";
import type { ServerFrame } from "../helpers/server_frames.ts";
import type { Answer, Case, Step } from "./case.ts";

/** One open WebSocket connection to a server that echoes messages, after the handshake. */
export interface EchoPeer {
  /** Sends bytes; may reject once the server is gone, which is no fault by itself. */
  write(bytes: Uint8Array): Promise<void>;
  /** The server's next frame, `"ended"` when it has ended the connection, `"nothing"` when the time is up. */
  next(deadlineMs: number): Promise<ServerFrame | "ended" | "nothing">;
  /** Lets go of the connection, whatever its state. */
  end(): void;
}

/**
 * strict: all as it must be. lenient: some answers were missing that may be. abrupt: the connection was ended where it
 * must be, but without a close frame. failed: anything else.
 */
export type Behaviour = "strict" | "lenient" | "abrupt" | "failed";

export interface Verdict {
  readonly behaviour: Behaviour;
  /** The faults; empty when strict. */
  readonly detail: string;
}

export interface RunOptions {
  /** Longest wait for one frame. */
  readonly deadlineMs: number;
  /** How long a server must stay silent to count as accepting what it has got so far. */
  readonly quietMs: number;
}

/** Runs one case to the end of its connection. */
export async function runCase(test: Case, peer: EchoPeer, options: RunOptions): Promise<Verdict> {
  const run = new Run(peer, options);
  try {
    const steps = test.steps();
    for (const step of steps) await run.step(step);
    const expected = test.answers();
    if (test.close.by === "client") {
      await run.receive(() => run.answers.length >= expected.length);
      if (!run.ended) await run.send(frame({ opcode: 8, payload: closePayload(1000) }));
    }
    await run.receive(() => false);
    return judge(test, expected, run);
  } catch (error) {
    if (error instanceof Fault) return { behaviour: "failed", detail: error.message };
    throw error;
  } finally {
    peer.end();
  }
}

/** The server did what no answer can mend. */
class Fault extends Error {}

class Run {
  readonly answers: Answer[] = [];
  closeCode: number | null = null;
  ended = false;
  readonly #peer: EchoPeer;
  readonly #options: RunOptions;
  #parts: { kind: "text" | "binary"; payloads: Uint8Array[] } | null = null;

  constructor(peer: EchoPeer, options: RunOptions) {
    this.#peer = peer;
    this.#options = options;
  }

  async step(step: Step): Promise<void> {
    if ("await" in step) return await this.receive(() => this.answers.length >= step.await);
    if ("quiet" in step) {
      const frame = await this.#peer.next(this.#options.quietMs);
      if (frame !== "nothing") throw new Fault("Server did not accept the first part");
      return;
    }
    const chop = step.chop ?? step.send.length;
    for (let at = 0; at < step.send.length; at += chop) await this.send(step.send.slice(at, at + chop));
  }

  /** A server that has failed the connection need not take the rest. */
  async send(bytes: Uint8Array): Promise<void> {
    try {
      await this.#peer.write(bytes);
    } catch {
      // What came back before tells.
    }
  }

  /** Takes frames until enough have come or the server has ended the connection. */
  async receive(enough: () => boolean): Promise<void> {
    while (!this.ended && !enough()) {
      const next = await this.#peer.next(this.#options.deadlineMs);
      if (next === "nothing") throw new Fault(`Server is silent after ${this.answers.length} answers`);
      if (next === "ended") this.ended = true;
      else this.#take(next);
    }
  }

  #take({ fin, opcode, payload }: ServerFrame): void {
    if (this.closeCode !== null) throw new Fault("Server sent a frame after its close frame");
    if (opcode === 10) {
      this.answers.push({ kind: "pong", payload });
    } else if (opcode === 8) {
      this.closeCode = payload.length < 2 ? 1005 : (payload[0]! << 8) | payload[1]!;
    } else if (opcode === 1 || opcode === 2) {
      this.#parts = { kind: opcode === 1 ? "text" : "binary", payloads: [payload] };
    } else if (opcode === 0 && this.#parts !== null) {
      this.#parts.payloads.push(payload);
    } else if (opcode !== 9) {
      throw new Fault(`Server sent opcode ${opcode}`);
    }
    if (opcode <= 2 && fin && this.#parts !== null) {
      this.answers.push({ kind: this.#parts.kind, payload: concat(...this.#parts.payloads) });
      this.#parts = null;
    }
  }
}

function judge(test: Case, expected: Answer[], run: Run): Verdict {
  const failed = (detail: string): Verdict => ({ behaviour: "failed", detail });
  for (const [index, answer] of run.answers.entries()) {
    const wanted = expected[index];
    if (wanted === undefined) return failed(`Server gave ${run.answers.length} answers, not ${expected.length}`);
    if (!same(answer, wanted)) return failed(`Answer ${index + 1} is not the expected ${wanted.kind}`);
  }
  const complete = run.answers.length === expected.length;
  if (!complete && test.mayMissAnswers !== true) {
    return failed(`Server gave ${run.answers.length} of ${expected.length} answers`);
  }
  if (run.closeCode === null) {
    const detail = "Server ended the connection without a close frame";
    return test.close.by === "server" ? { behaviour: "abrupt", detail } : failed(detail);
  }
  if (!test.close.codes.includes(run.closeCode)) {
    return failed(`Server closed with ${run.closeCode}, not with ${test.close.codes.join(" or ")}`);
  }
  if (complete) return { behaviour: "strict", detail: "" };
  return { behaviour: "lenient", detail: `Server gave ${run.answers.length} of ${expected.length} answers` };
}

function same(left: Answer, right: Answer): boolean {
  return left.kind === right.kind && left.payload.length === right.payload.length &&
    left.payload.every((octet, index) => octet === right.payload[index]);
}
