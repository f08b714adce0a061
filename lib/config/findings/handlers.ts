/**
 * Findings about the permissions of handlers. Each grant is named, and grants that reach the server itself are errors.
 */
import { dirname } from "node:path";
import { type Finding, finding } from "./finding.ts";
import { namedFiles } from "../files.ts";
import type { Config, HandlerConfig } from "../schema.ts";
import { formatDuration, formatSize } from "../units.ts";

export function handlerFindings(config: Config): Finding[] {
  return config.handlers.flatMap((handler, index) => {
    const where = `handlers[${index}]`;
    return [
      ...grantFindings(handler, where),
      ...reachFindings(config, handler, where),
      ...timeoutFindings(handler, where),
      ...memoryFindings(config, handler, where),
    ];
  });
}

/** Bytes of memory in the cell for each byte of a message. */
const MEMORY_PER_MESSAGE_BYTE = 16;

const GRANTS = {
  net: "can connect to",
  read: "can read",
  write: "can write",
  env: "can read the environment variables",
  sys: "can read the system information",
  import: "can load code from",
} as const;

function grantFindings(handler: HandlerConfig, where: string): Finding[] {
  const findings: Finding[] = [];
  for (const name of Object.keys(GRANTS) as (keyof typeof GRANTS)[]) {
    const granted = handler.permissions[name] ?? [];
    if (granted.length === 0) continue;
    findings.push(finding(
      name === "import" ? "warning" : "note",
      `${where}.permissions.${name}`,
      `${handler.subprotocol} ${GRANTS[name]} ${granted.join(", ")}`,
      name === "import" ? "Code from that host runs in the handler" : "A handler without grants can reach nothing",
      name === "import" ? "Keep the code in a file beside the handler" : "Remove the grants that it does not need",
    ));
  }
  return findings;
}

/** Grants for the server's own secrets and code defeat the sandbox. */
function reachFindings(config: Config, handler: HandlerConfig, where: string): Finding[] {
  const files = namedFiles(config);
  const findings: Finding[] = [];
  const add = (grant: "read" | "write", path: string, key: string, why: string) =>
    findings.push(
      finding("error", `${where}.permissions.${grant}`, `${path} covers ${key}`, why, "Grant a folder of its own"),
    );
  for (const path of handler.permissions.read ?? []) {
    for (const file of files) {
      if (file.secret && covers(path, file.path)) {
        add("read", path, file.key, "The handler could read a secret of the server");
      }
    }
  }
  for (const path of handler.permissions.write ?? []) {
    for (const file of files) {
      if (covers(path, file.path)) {
        add("write", path, file.key, "The handler could change admission, or the code that runs");
      }
    }
    if (config.store.kind === "sqlite" && config.store.path !== undefined && covers(path, config.store.path)) {
      add("write", path, "store.path", "The handler could lift bans and revocations");
    }
  }
  return findings;
}

function timeoutFindings(handler: HandlerConfig, where: string): Finding[] {
  if (handler.timeout <= 30_000) return [];
  return [finding(
    "warning",
    `${where}.timeout`,
    `A request may take ${formatDuration(handler.timeout)}`,
    "A handler that hangs keeps its cell busy that long, and every session on it waits",
    "Lower it to a few seconds and let long work report back by a notification",
  )];
}

/** A parsed message of small values takes many times its size. */
function memoryFindings({ messages }: Config, handler: HandlerConfig, where: string): Finding[] {
  const needed = MEMORY_PER_MESSAGE_BYTE * messages.max_bytes;
  if (handler.memory >= needed) return [];
  return [finding(
    "warning",
    `${where}.memory`,
    `${handler.subprotocol} may use ${formatSize(handler.memory)}, and one message may have ${
      formatSize(messages.max_bytes)
    }`,
    "A message of many small values takes up to sixteen times its size once it is parsed, and can end the cell",
    `Raise it to ${formatSize(needed)}, or lower messages.max_bytes`,
  )];
}

/** Whether the file is the granted path or below it. */
function covers(granted: string, file: string): boolean {
  for (let path = file;; path = dirname(path)) {
    if (path === granted) return true;
    if (path === dirname(path)) return false;
  }
}
