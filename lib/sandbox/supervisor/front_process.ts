/** The process of the front: start, orders, watch, and its frames of fixed size. */
import { type ChildProcess, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { FrameReader } from "../wire/frame_reader.ts";
import {
  ALIVE_INTERVAL_MS,
  decodeFrontFrame,
  FRONT_FRAME_BYTES,
  type FrontFrame,
  FrontKind,
} from "../wire/front_frames.ts";
import type { CellProcess, CellStarter, ProcessEnd, Vitals } from "../wire/processes.ts";
import {
  encodeStarted,
  encodeSupervisorMessage,
  type FrontOrders,
  MAX_PAYLOAD_BYTES,
  SupervisorKind,
} from "../wire/supervisor_messages.ts";
import type { ProcessCommand } from "./program.ts";
import { LOOK_MS, Silence } from "./silence.ts";

/** A front without a frame for this long is killed; before the first one it has more time. */
const SILENT_MS = 10_000;
const STARTING_MS = 30_000;
/** Frames between two checks above the expected number. */
const MAX_EXTRA_FRAMES = 4_096;
/**
 * Bytes queued for the front. Above the first limit, output and vitals are dropped; above the second, the front is
 * killed.
 */
const DROP_BYTES = 2 ** 20;
const KILL_BYTES = DROP_BYTES + MAX_PAYLOAD_BYTES;

/** The end of a front: an exit status or a signal. `why` is the reason for which the supervisor killed it. */
export interface FrontEnd {
  readonly code: number | null;
  readonly signal: string | null;
  readonly why?: string;
}

/** Receives the frames of a front that do not concern cells. */
export type FrontListener = (frame: Exclude<FrontFrame, { kind: FrontKind.Start | FrontKind.Kill }>) => void;

/** Flags of the front: the server's permissions without starting programs. */
export const FRONT_FLAGS: readonly string[] = [
  "--v8-flags=--max-semi-space-size=1",
  "--allow-net",
  "--allow-env",
  "--allow-read=/",
  "--allow-write=/",
];

/** Runs one front and its cells. */
export class FrontProcess {
  /** Resolves when the process has ended. Its cells may still run. */
  readonly ended: Promise<FrontEnd>;
  readonly #child: ChildProcess;
  readonly #listen: FrontListener;
  readonly #frames = new FrameReader(FRONT_FRAME_BYTES, decodeFrontFrame);
  readonly #cells = new Map<number, CellProcess>();
  readonly #silence = new Silence();
  #starter: CellStarter | undefined;
  #framesSinceLook = 0;
  #lastRequest = 0;
  #alive = false;
  #over = false;
  #why: string | undefined;

  /** @param now monotonic clock, in milliseconds */
  constructor(command: ProcessCommand, now: () => number, listen: FrontListener) {
    this.#listen = listen;
    const child = spawn(command.file, [...command.args], {
      env: { ...command.env },
      // Its output bypasses the supervisor, so that neither waits for the other.
      stdio: ["pipe", "inherit", "inherit", "pipe"],
    });
    this.#child = child;
    this.ended = new Promise((resolve) => {
      const end = (code: number | null, signal: string | null) => {
        if (this.#over) return;
        this.#over = true;
        clearInterval(timer);
        for (const stream of child.stdio) stream?.destroy();
        resolve({ code, signal, ...(this.#why === undefined ? {} : { why: this.#why }) });
      };
      child.on("exit", end);
      child.on("error", (error) => {
        this.#why = `it could not be started: ${error.message}`;
        end(null, null);
      });
    });
    // Undefined when the process could not be started.
    const frames = child.stdio[3] as Readable | undefined;
    frames?.on("data", (bytes: Uint8Array) => this.#read(bytes));
    frames?.on("error", () => {});
    child.stdin!.on("error", () => {});
    let looked = now();
    const timer = setInterval(() => {
      const elapsed = now() - looked;
      looked += elapsed;
      this.#look(elapsed);
    }, LOOK_MS);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Starts the front's work with cells from `starter`. */
  begin(orders: FrontOrders, starter: CellStarter): void {
    this.#starter = starter;
    this.#sendJson(SupervisorKind.Begin, 0, orders);
  }

  reload(): void {
    this.#send(SupervisorKind.Reload, 0, new Uint8Array(0));
  }

  /** Asks the front to drain and to end. */
  stop(): void {
    this.#send(SupervisorKind.Stop, 0, new Uint8Array(0));
  }

  kill(why: string): void {
    if (this.#over) return;
    this.#why ??= why;
    this.#child.kill("SIGKILL");
  }

  #look(elapsed: number): void {
    // After the supervisor was stopped, the frames of that time arrive together.
    if (this.#framesSinceLook > elapsed / ALIVE_INTERVAL_MS + MAX_EXTRA_FRAMES) this.kill("it wrote too many frames");
    this.#framesSinceLook = 0;
    const limit = this.#alive ? SILENT_MS : STARTING_MS;
    if (this.#silence.look(elapsed) > limit) this.kill(`no sign of life for ${limit} ms`);
  }

  #read(bytes: Uint8Array): void {
    const wellFormed = this.#frames.read(bytes, (frame) => {
      this.#framesSinceLook++;
      if (!this.#over && this.#why === undefined) this.#frame(frame);
    });
    if (!wellFormed) this.kill("it wrote what is no frame");
  }

  #frame(frame: FrontFrame): void {
    switch (frame.kind) {
      case FrontKind.Start:
        return this.#startCell(frame.module, frame.request);
      case FrontKind.Kill:
        // The end of an unknown cell crossed with this order.
        return this.#cells.get(frame.request)?.kill();
      case FrontKind.Alive:
        this.#alive = true;
        this.#silence.broken();
        return this.#listen(frame);
      default:
        return this.#listen(frame);
    }
  }

  #startCell(module: number, request: number): void {
    if (this.#starter === undefined || request <= this.#lastRequest) return this.kill("it wrote what it may not ask");
    this.#lastRequest = request;
    const process = this.#starter.start(module, {
      started: (secret, pid) => this.#send(SupervisorKind.Started, request, encodeStarted(secret, pid)),
      output: (text) => this.#sendOrDrop(SupervisorKind.Output, request, text),
      vitals: (vitals) => this.#sendOrDrop(SupervisorKind.Vitals, request, encodeFigures(vitals)),
      ended: (end: ProcessEnd) => {
        this.#cells.delete(request);
        this.#sendJson(SupervisorKind.Ended, request, end);
      },
    });
    this.#cells.set(request, process);
  }

  #sendJson(kind: SupervisorKind, request: number, value: unknown): void {
    this.#send(kind, request, new TextEncoder().encode(JSON.stringify(value)));
  }

  #sendOrDrop(kind: SupervisorKind, request: number, payload: Uint8Array): void {
    if (this.#child.stdin!.writableLength < DROP_BYTES) this.#send(kind, request, payload);
  }

  #send(kind: SupervisorKind, request: number, payload: Uint8Array): void {
    const stdin = this.#child.stdin!;
    if (this.#over || stdin.destroyed) return;
    stdin.write(encodeSupervisorMessage({ kind, request, payload }));
    if (stdin.writableLength > KILL_BYTES) this.kill("it does not read what it is told");
  }
}

function encodeFigures({ memory, cpuMs }: Vitals): Uint8Array {
  const payload = new Uint8Array(16);
  const view = new DataView(payload.buffer);
  view.setFloat64(0, memory, true);
  view.setFloat64(8, cpuMs, true);
  return payload;
}
