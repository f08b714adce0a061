/** Opcodes, RFC 6455 5.2 and 11.8. 3 to 7 and 11 to 15 are reserved. */
export const Opcode = { continuation: 0x0, text: 0x1, binary: 0x2, close: 0x8, ping: 0x9, pong: 0xa } as const;

/** RFC 6455 5.5: control frames carry at most this many bytes. */
export const MAX_CONTROL_PAYLOAD = 125;
