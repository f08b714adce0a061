import type { Promised } from "./mutant.ts";

export const wire: readonly Promised[] = [
  {
    promise: "A cell that violates the protocol, or floods the front",
    file: "lib/sandbox/wire/operation_reader.ts",
    by: "tests/sandbox/wire/operation_reader_test.ts",
    edits: [
      [
        "if (shape === undefined) throw new WireError(`operation ${code} does not exist`);",
        "if (shape === undefined) return view.getUint32(at, true);",
      ],
      ["if (length < HEADER_BYTES || secondLength < 0) throw", "if (length < HEADER_BYTES) throw"],
      [
        'shape.session === undefined ? session !== 0 : shape.session === "required" && session === 0',
        'shape.session === "required" && session === 0',
      ],
      [
        'shape.session === undefined ? session !== 0 : shape.session === "required" && session === 0',
        "shape.session === undefined && session !== 0",
      ],
      [
        "firstLength > this.#most(shape.first) || secondLength > this.#most(shape.second)",
        "firstLength > this.#most(shape.first) + 1 || secondLength > this.#most(shape.second)",
      ],
    ],
  },
  {
    promise: "A cell that violates the protocol, or floods the front",
    file: "lib/sandbox/wire/allowance.ts",
    by: "tests/sandbox/wire/allowance_test.ts",
    edits: [
      ["if (this.#ops < 1 || this.#bytes < bytes) return false;", ""],
      ["if (this.#ops < 1 || this.#bytes < bytes) return false;", "if (this.#ops < 1) return false;"],
      ["if (this.#ops < 1 || this.#bytes < bytes) return false;", "if (this.#bytes < bytes) return false;"],
      ["this.#ops--;", ""],
      ["this.#bytes -= bytes;", ""],
      [
        "Math.min(this.#ops + count * ALLOWANCE.ops_each * this.#factor, 64 * ALLOWANCE.ops * this.#factor)",
        "this.#ops + count * ALLOWANCE.ops_each * this.#factor",
      ],
      ["this.#ops = ALLOWANCE.ops * factor;", "this.#ops = ALLOWANCE.ops;"],
      ["this.#at = now;\n    const most", "const most"],
    ],
  },
  {
    promise: "A cell that violates the protocol, or floods the front",
    file: "lib/sandbox/wire/frame_reader.ts",
    by: "tests/sandbox/wire/frame_reader_test.ts",
    edits: [
      ["if (frame === null) return false;", "if (frame === null) continue;"],
    ],
  },
  {
    promise: "A cell that violates the protocol, or floods the front",
    file: "lib/sandbox/wire/operation_stream.ts",
    by: "tests/sandbox/wire/operation_stream_test.ts",
    edits: [
      [
        "if (this.#writing || this.#over || this.out.size === 0) return;",
        "if (this.#over || this.out.size === 0) return;",
      ],
      [
        "at += await this.#connection.write(at === 0 ? bytes : bytes.subarray(at))",
        "{ await this.#connection.write(at === 0 ? bytes : bytes.subarray(at)); at = bytes.length; }",
      ],
    ],
  },
  {
    promise: "A cell that violates the protocol, or floods the front",
    file: "lib/sandbox/wire/operation_stream.ts",
    by: "tests/sandbox/wire/operation_writer_test.ts",
    edits: [
      ["if (buffer.byteLength <= KEPT_CAPACITY_BYTES) this.#spare", "this.#spare"],
    ],
  },
  {
    promise: "A cell that violates the protocol, or floods the front",
    file: "lib/sandbox/wire/processes.ts",
    by: "tests/sandbox/wire/processes_test.ts",
    edits: [
      ["kind >= VitalsKind.Alive && kind <= VitalsKind.OutOfMemory && ", "kind >= VitalsKind.Alive && "],
      [" && view.getUint32(4, true) === 0", ""],
      ["known && memory >= 0 && ", "known && "],
      ["Number.isFinite(memory) && ", ""],
      [" && cpuMs >= 0 &&", " &&"],
    ],
  },
  {
    promise: "A process that dies, hangs or lies to its supervisor",
    file: "lib/sandbox/wire/front_frames.ts",
    by: "tests/sandbox/wire/front_frames_test.ts",
    edits: [
      ["if (bytes.length !== FRONT_FRAME_BYTES) return null;", "if (bytes.length < FRONT_FRAME_BYTES) return null;"],
      ["if (a > FrontState.Draining || d > 1) return null;", "if (d > 1) return null;"],
      ["if (a > FrontState.Draining || d > 1) return null;", "if (a > FrontState.Draining) return null;"],
      ["return (a | b | c | d) === 0 ? { kind } : null;", "return { kind };"],
      ["return (c | d) === 0 && b > 0 ? { kind", "return b > 0 ? { kind"],
      ["return (c | d) === 0 && b > 0 ? { kind", "return (c | d) === 0 ? { kind"],
      ["return (b | c | d) === 0 && a > 0 ? { kind", "return (b | c | d) === 0 ? { kind"],
    ],
  },
  {
    promise: "A process that dies, hangs or lies to its supervisor",
    file: "lib/sandbox/wire/supervisor_messages.ts",
    by: "tests/sandbox/wire/supervisor_messages_test.ts",
    edits: [
      ["SupervisorKind[kind] === undefined || length", "length", "unknown kind"],
      [" || length > MAX_PAYLOAD_BYTES) throw", ") throw", "unknown kind"],
      ["if (end > held.length) break;", "", "messages of the supervisor"],
      ["this.#held = held.slice(at);", "this.#held = new Uint8Array(0);", "messages of the supervisor"],
    ],
  },
];
