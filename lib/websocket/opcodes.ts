/** Opcodes, RFC 6455 5.2 and 11.8. 3 to 7 and 11 to 15 are reserved. */
export const Opcode = { continuation: 0x0, text: 0x1, binary: 0x2, close: 0x8, ping: 0x9, pong: 0xa } as const;

/** Maximum payload of control frames in bytes (RFC 6455 5.5). */
export const MAX_CONTROL_PAYLOAD_BYTES = 125;
