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
      ["if (length > MAX_CONTROL_PAYLOAD)", "if (length > MAX_CONTROL_PAYLOAD + 1)"],
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
];
