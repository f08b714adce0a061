/** Findings about the admitted maximum against the limits of the system. */
import type { SystemLimits } from "../../base/system_limits.ts";
import { frontCapacity } from "../admits.ts";
import { type Finding, finding } from "./finding.ts";
import type { Config } from "../schema.ts";

/**
 * Memory of a silent TLS connection in bytes. With full buffers it takes more, see the note on the admitted maximum.
 */
const SILENT_CONNECTION_BYTES = 48 * 1024;

/** Descriptors that are not client connections: libraries, cells, store, log, operators' connections. */
const OTHER_FILES = 128;

/** One warning with the figures, or none. A limit of null causes no finding. */
export function systemFindings(
  { server }: Pick<Config, "server">,
  { openFiles, memoryBytes }: SystemLimits,
): Finding[] {
  const connections = server.max_connections;
  const files = frontCapacity(connections) + OTHER_FILES;
  const memory = server.fronts * connections * SILENT_CONNECTION_BYTES;
  const [of, each] = server.fronts === 1 ? ["", ""] : [`${server.fronts} fronts with `, " for each front"];
  const short: string[] = [];
  const remedies: string[] = [];
  if (openFiles !== null && openFiles < files) {
    short.push(`about ${count(files)} open files${each}, the system grants ${count(openFiles)}`);
    remedies.push(`raise the limit of open files (LimitNOFILE=, ulimit -n) to ${count(files)}`);
  }
  if (memoryBytes !== null && memoryBytes < memory) {
    short.push(`${mebibytes(memory)} of memory while idle, the system grants ${mebibytes(memoryBytes)}`);
    remedies.push("give the service more memory");
  }
  if (short.length === 0) return [];
  return [finding(
    "warning",
    "server.max_connections",
    `${of}${count(connections)} connections need ${short.join(", and ")}`,
    "Connections over the system's limit are refused, or the process is killed",
    `Lower server.max_connections, or ${remedies.join(" and ")}`,
  )];
}

function count(value: number): string {
  return value.toLocaleString("en-US");
}

function mebibytes(bytes: number): string {
  return `${count(Math.round(bytes / 2 ** 20))} MiB`;
}
