const SIGNATURE = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a];

/** A PROXY v2 header with these addresses and TLVs, and what follows it. */
export function proxyHeader(command: number, family: number, body: number[], behind: number[] = []): Uint8Array {
  return new Uint8Array([...SIGNATURE, command, family, body.length >> 8, body.length & 0xff, ...body, ...behind]);
}
