import type { Promised } from "./mutant.ts";

export const websocket: readonly Promised[] = [
  {
    promise: "Desynchronised framing, missing masks",
    file: "lib/websocket/frame_header.ts",
    by: "tests/websocket/decoder_test.ts",
    edits: [
      ['if (second < 0x80) return protocolError("Frame is not masked");', ""],
      [
        "if (opcode > Opcode.pong || (opcode > Opcode.binary && opcode < Opcode.close)) {",
        "if (opcode > Opcode.pong) {",
      ],
      ['if (!this.final) return protocolError("Control frame is fragmented");', ""],
      ["if (length > MAX_CONTROL_PAYLOAD_BYTES)", "if (length > MAX_CONTROL_PAYLOAD_BYTES + 1)"],
      ['if (message.opcode === 0) return protocolError("Continuation without a message to continue");', ""],
      ["} else if (message.opcode !== 0) {", "} else if (message.opcode > 2) {"],
      ['if (length16 < 126) return protocolError("Length is not encoded minimally");', ""],
      ['if (bytes[at + 2]! >= 0x80) return protocolError("Length has its top bit set");', ""],
      ['if (length64 <= 0xffff) return protocolError("Length is not encoded minimally");', ""],
    ],
  },
  {
    promise: "Decompression bombs",
    file: "lib/websocket/frame_header.ts",
    by: "tests/websocket/advisories_test.ts",
    edits: [['if ((first & 0x70) !== 0) return protocolError("Reserved bits are set");', ""]],
  },
  {
    promise: "Huge, endless or tiny fragments",
    file: "lib/websocket/frame_header.ts",
    by: "tests/websocket/decoder_test.ts",
    edits: [
      ["if (length > limits.max_bytes - message.size)", "if (length > limits.max_bytes)"],
      ["if (length > limits.max_bytes - message.size)", "if (length > limits.max_bytes - message.size + 1)"],
      ["if (message.fragments >= limits.max_fragments) return tooManyFragments(limits);", ""],
    ],
  },
  {
    promise: "Desynchronised framing, missing masks",
    file: "lib/websocket/frame_header.ts",
    by: "tests/websocket/decoder_test.ts",
    edits: [
      ["if (available < size + 4) return 0;", "if (available < size + 3) return 0;"],
      ["if (available < 4) return 0;", "if (available < 3) return 0;"],
      ["if (available < 10) return 0;", ""],
      ["this.final = first >= 0x80;", "this.final = true;"],
    ],
  },
  {
    promise: "Desynchronised framing, missing masks",
    file: "lib/websocket/close_codes.ts",
    by: "tests/websocket/decoder_test.ts",
    edits: [
      ["if (code >= 3000) return code <= 4999;", "if (code >= 3000) return true;"],
      ["code >= 1000 && code <= 1003", "code >= 1000 && code <= 1004"],
      ["code >= 1007 && code <= 1014", "code >= 1006 && code <= 1014"],
      ["code >= 1007 && code <= 1014", "code >= 1007 && code <= 1015"],
      ["(code >= 1000 && code <= 1003)", "(code <= 1003)"],
      ["if (code >= 3000)", "if (code >= 2000)"],
    ],
  },
  {
    promise: "Desynchronised framing, missing masks",
    file: "lib/websocket/close_frame.ts",
    by: "tests/websocket/decoder_test.ts",
    edits: [
      [
        'if (payload.length === 1) return protocolError("Close frame has half a code");',
        'if (payload.length === 1) return { code: CloseCode.noStatus, reason: "" };',
      ],
      [
        'if (reason === null) return invalidText("Close reason is not UTF-8");\n  return { code, reason };',
        'return { code, reason: reason ?? "" };',
      ],
      ["if (!isCloseCode(code)) return", "if (false as boolean) return"],
    ],
  },
  {
    promise: "Desynchronised framing, missing masks",
    file: "lib/websocket/decoder.ts",
    by: "tests/websocket/decoder_test.ts",
    edits: [
      ['if (data === null) return this.#fail(invalidText("Text is not UTF-8"));', 'if (data === null) data = "";'],
      ["header.mask = turnMask(header.mask, count);", ""],
      ["this.#header.mask = turnMask(this.#header.mask, count);", ""],
      [
        'this.#end("closed");\n    this.#events.close(close.code, close.reason);',
        'this.#state = "header";\n    this.#events.close(close.code, close.reason);',
      ],
      ['this.#end("failed");', 'this.#state = "header";'],
      [
        'if (!message.append(chunk, start, end, ascii, limit)) return this.#fail(invalidText("Text is not UTF-8"));',
        "message.append(chunk, start, end, ascii, limit);",
      ],
      ["while (!this.#suspended) {", "while (true) {"],
    ],
  },
  {
    promise: "Huge, endless or tiny fragments",
    file: "lib/websocket/decoder.ts",
    by: "tests/websocket/decoder_test.ts",
    edits: [
      ["this.#message.fragments++;", ""],
      [
        "const limit = header.final ? message.size + this.#remaining : this.#limits.max_bytes;",
        "const limit = 2 ** 31;",
      ],
      ["if (header.length < TINY_FRAGMENT_BYTES) this.#events.fragment(header.length);", ""],
      ["if (header.length < TINY_FRAGMENT_BYTES)", "if (header.length <= TINY_FRAGMENT_BYTES)"],
      ["this.#message.clear();\n      const payload", "const payload"],
      ["this.#state = state;\n    this.#message.clear();", "this.#state = state;"],
    ],
  },
  {
    promise: "Huge, endless or tiny fragments",
    file: "lib/websocket/message.ts",
    by: "tests/websocket/advisories_test.ts",
    edits: [
      ["Math.min(Math.max(needed, 2 * this.#bytes.length), limit)", "needed"],
      ["Math.min(Math.max(needed, FIRST_CAPACITY_BYTES), limit)", "limit"],
    ],
  },
  {
    promise: "Huge, endless or tiny fragments",
    file: "lib/websocket/message.ts",
    by: "tests/websocket/decoder_test.ts",
    edits: [
      ["this.fragments = 0;\n    this.#bytes", "this.#bytes"],
      ["this.#bytes = null;\n    this.#size = 0;", "this.#size = 0;"],
      ["this.#bytes = null;\n    this.#size = 0;", "this.#bytes = null;"],
    ],
  },
  {
    promise: "Desynchronised framing, missing masks",
    file: "lib/websocket/message.ts",
    by: "tests/websocket/decoder_test.ts",
    edits: [
      ["if (ascii && (this.#utf8 === null || this.#utf8.complete)) return true;", "if (ascii) return true;"],
      ["return this.#utf8.push(source, start, end);", "this.#utf8.push(source, start, end);\n    return true;"],
    ],
  },
  {
    promise: "Desynchronised framing, missing masks",
    file: "lib/websocket/utf8.ts",
    by: "tests/websocket/utf8_test.ts",
    edits: [
      ["if (byte < lower || byte > upper) return false;", ""],
      ["if (byte < 0xc2 || byte > 0xf4) return false;", "if (byte < 0xc0 || byte > 0xf4) return false;"],
      ["if (byte < 0xc2 || byte > 0xf4) return false;", "if (byte < 0xc2 || byte > 0xf5) return false;"],
      ["if (byte === 0xe0) lower = 0xa0;", "if (byte === 0xe0) lower = 0x80;"],
      ["else if (byte === 0xed) upper = 0x9f;", ""],
      ["if (byte === 0xf0) lower = 0x90;", "if (byte === 0xf0) lower = 0x80;"],
      ["else if (byte === 0xf4) upper = 0x8f;", ""],
      ["return this.#owed === 0;", "return true;"],
      [
        "return isUtf8(bytes.subarray(whole, cut)) && this.#step(bytes, cut, end);",
        "return this.#step(bytes, cut, end);",
      ],
      ["return !text.includes(REPLACEMENT) || isUtf8(bytes.subarray(start, end)) ? text : null;", "return text;"],
    ],
  },
  {
    promise: "Desynchronised framing, missing masks",
    file: "lib/websocket/utf8.ts",
    by: "tests/websocket/decoder_test.ts",
    edits: [
      [
        "return !text.includes(REPLACEMENT) || isUtf8(bytes.subarray(start, end)) ? text : null;",
        "return text.includes(REPLACEMENT) ? null : text;",
      ],
    ],
  },
  {
    promise: "Desynchronised framing, missing masks",
    file: "lib/websocket/unmask.ts",
    by: "tests/websocket/unmask_test.ts",
    edits: [
      ["const bits = (count & 3) << 3;", "const bits = (count & 1) << 3;"],
      ["ascii = (seen & 0x80808080) === 0 && ascii;", ""],
      ["return unmaskBytes(bytes, wordsStart + (count << 2), end, mask) && ascii;", "return ascii;"],
    ],
  },
  {
    promise: "Desynchronised framing, missing masks",
    file: "lib/websocket/accept_key.ts",
    by: "tests/websocket/accept_key_test.ts",
    edits: [
      ["{21}[AQgw]==$/", "{22}==$/"],
      ["/^[A-Za-z0-9+/]{21}", "/[A-Za-z0-9+/]{21}"],
      ["[AQgw]==$/", "[AQgw]==/"],
    ],
  },
  {
    promise: "Desynchronised framing, missing masks",
    file: "lib/websocket/encoder.ts",
    by: "tests/websocket/encoder_test.ts",
    edits: [
      ["if (payload.length > MAX_CONTROL_PAYLOAD_BYTES) {", "if (payload.length > MAX_CONTROL_PAYLOAD_BYTES + 1) {"],
      [
        "if (code === CloseCode.noStatus || code === CloseCode.abnormal) return",
        "if (code === CloseCode.noStatus) return",
      ],
      [
        "return length <= 125 ? 2 : length <= 0xffff ? 4 : 10;",
        "return length <= 126 ? 2 : length <= 0xffff ? 4 : 10;",
      ],
      ["const length = Buffer.byteLength(text);\n  const frame", "const length = text.length;\n  const frame"],
    ],
  },
  {
    promise: "Huge, endless or tiny fragments",
    file: "lib/websocket/frame_writer.ts",
    by: "tests/websocket/frame_writer_test.ts",
    edits: [
      ["this.#bytes.length < DOUBLE_UP_TO_BYTES ? 2 : 1.25", "2"],
    ],
  },
  {
    promise: "Desynchronised framing, missing masks",
    file: "lib/websocket/frame_writer.ts",
    by: "tests/websocket/frame_writer_test.ts",
    edits: [
      ["this.#bytes = null;\n    this.#size = 0;\n    return taken;", "this.#size = 0;\n    return taken;"],
      ["if (unit > 0x7f) return this.#longText(text);", ""],
    ],
  },
];
