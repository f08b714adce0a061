/** Registers every case as a test of one engine. */
import { assertEquals } from "../assert.ts";
import { RawClient, RawClientError } from "../helpers/raw_client.ts";
import { cases } from "./cases/cases.ts";
import type { Case } from "./case.ts";
import { type Behaviour, type EchoPeer, runCase, type RunOptions, type Verdict } from "./runner.ts";

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

/** Connections at once: most of a case's time is the platform's waiting, for an acknowledgement or for quiet. */
const AT_ONCE = 8;

/** Runs every case, then reports each as a step of the test. */
export async function testAllCases(engine: Engine, context: Deno.TestContext): Promise<void> {
  const verdicts = new Map<Case, Verdict>();
  const waiting = cases.values();
  const worker = async () => {
    for (const test of waiting) verdicts.set(test, await runOne(test, engine));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  for (const [test, verdict] of verdicts) {
    const gap = engine.gaps?.[test.id];
    const name = `${test.id} ${test.title}`;
    await context.step(gap === undefined ? name : `${name} (${gap.behaviour}: ${gap.reason})`, () => {
      const expected = gap?.behaviour ?? "strict";
      if (verdict.behaviour === "abrupt" && engine.abrupt !== undefined && gap === undefined) return;
      assertEquals(
        verdict.behaviour,
        expected,
        `${test.id} is ${verdict.behaviour}, not ${expected}: ${verdict.detail}`,
      );
    });
  }
}

async function runOne(test: Case, engine: Engine): Promise<Verdict> {
  const options = engine.options ?? SOCKET_OPTIONS;
  const isSilent = engine.gaps?.[test.id]?.behaviour === "failed";
  return await runCase(test, await engine.connect(), isSilent ? { ...options, deadlineMs: GAP_DEADLINE_MS } : options);
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
