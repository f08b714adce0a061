/** Partitions: parts of all keys and channels, each of which is on one master of a Redis Cluster. */

/** Number of partitions for topics, users and keys. */
const PARTITIONS = 256;

/** The partition of what all nodes share: their list, control messages, bans and revocations. */
export const CONTROL = PARTITIONS;

/** All partitions, {@linkcode CONTROL} included. */
export const ALL_PARTITIONS: readonly number[] = Array.from({ length: PARTITIONS + 1 }, (_, index) => index);

const SLOTS = 16_384;
const POLYNOMIAL = 0x1021;

/** The hash tag of a partition: keys and channels with one tag are in one slot. */
function tagOf(partition: number): string {
  return partition === CONTROL ? "ctl" : `p${partition}`;
}

/** CRC-16/XMODEM, as the Redis Cluster specification defines it for slots. */
function crc16(text: string): number {
  let crc = 0;
  for (let i = 0; i < text.length; i++) {
    crc ^= text.charCodeAt(i) << 8;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ POLYNOMIAL;
    crc &= 0xffff;
  }
  return crc;
}

/** The slot of a partition in a Redis Cluster. */
export function slotOf(partition: number): number {
  return crc16(tagOf(partition)) % SLOTS;
}

/** The partition of a name. The hash is FNV-1a over UTF-16 units; all nodes compute the same one. */
export function partitionOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  // The low bits of the product depend on few characters.
  return ((hash >>> 16) ^ hash) & (PARTITIONS - 1);
}

/** Makes the names of keys and channels: `PREFIX:{TAG}:KIND:NAME`. */
export class Names {
  readonly #heads: readonly string[];

  constructor(prefix: string) {
    this.#heads = ALL_PARTITIONS.map((partition) => `${prefix}:{${tagOf(partition)}}:`);
  }

  of(partition: number, kind: string, name = ""): string {
    return `${this.#heads[partition]}${kind}:${name}`;
  }

  /** The partition of a name, and its key or channel. */
  place(kind: string, name: string): { partition: number; key: string } {
    const partition = partitionOf(name);
    return { partition, key: this.of(partition, kind, name) };
  }
}
