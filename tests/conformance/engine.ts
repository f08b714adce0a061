/** Registers every case as a test of one engine. */
import { assertEquals } from "../assert.ts";
import { RawClient, RawClientError } from "../raw_client.ts";
import { cases } from "./cases/cases.ts";
import { type Behaviour, type EchoPeer, runCase, type RunOptions } from "./runner.ts";

/** A case an engine can't pass strictly, and why. It must still behave as said: a gap that closes is a failure, too. */
export interface Gap {
  readonly behaviour: Exclude<Behaviour, "strict" | "abrupt">;
  readonly reason: string;
}

export interface Engine {
  readonly name: string;
  /** Opens a connection to an echo server, handshake included; called once for each case. */
  readonly connect: () => Promise<EchoPeer>;
  /** By case number. Default: all cases are strict. */
  readonly gaps?: Readonly<Record<string, Gap>>;
  /** Why the engine may fail connections without a close frame (RFC 6455 7.1.7: SHOULD). Default: it may not. */
  readonly abrupt?: string;
  readonly options?: RunOptions;
}

/** Generous: waits are for a slow machine, a passing case waits for nothing but the quiet of group 6.4. */
export const SOCKET_OPTIONS: RunOptions = { deadlineMs: 10_000, quietMs: 50 };

/** A server that fails a case by silence is not waited for that long. */
const GAP_DEADLINE_MS = 500;

/** The behaviour of one case; a failing test when it isn't the expected one. */
export async function testCase(id: string, engine: Engine): Promise<void> {
  const test = cases.find((candidate) => candidate.id === id);
  if (test === undefined) throw new RangeError(`Cannot run case ${id}: there is none`);
  const gap = engine.gaps?.[id];
  const options = engine.options ?? SOCKET_OPTIONS;
  const patience = gap?.behaviour === "failed" ? { ...options, deadlineMs: GAP_DEADLINE_MS } : options;
  const verdict = await runCase(test, await engine.connect(), patience);
  const expected = gap?.behaviour ?? "strict";
  if (verdict.behaviour === "abrupt" && engine.abrupt !== undefined && gap === undefined) return;
  assertEquals(verdict.behaviour, expected, `${id} is ${verdict.behaviour}, not ${expected}: ${verdict.detail}`);
}

/** One test step for each case, in a test named by the engine. */
export async function testAllCases(engine: Engine, context: Deno.TestContext): Promise<void> {
  for (const { id, title } of cases) {
    const gap = engine.gaps?.[id];
    const name = gap === undefined ? `${id} ${title}` : `${id} ${title} (${gap.behaviour}: ${gap.reason})`;
    await context.step(name, () => testCase(id, engine));
  }
}

/** A peer over a raw connection whose handshake is done. */
export function socketPeer(client: RawClient): EchoPeer {
  return {
    write: (bytes) => client.send(bytes),
    async next(deadlineMs) {
      try {
        return await client.nextFrame(deadlineMs);
      } catch (error) {
        if (error instanceof RawClientError) return error.kind === "ended" ? "ended" : "nothing";
        throw error;
      }
    },
    end: () => client.close(),
  };
}
