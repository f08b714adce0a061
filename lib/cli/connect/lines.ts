/** Parses lines of input. */

/** A JSON-RPC 2.0 request whose answer is awaited. `id` is the author's own, if the line has one. */
export interface CallLine {
  readonly kind: "call";
  readonly method: string;
  readonly params: unknown;
  readonly id?: string | number;
}

/** Any other text, sent unchanged: a notification, a batch, a malformed message to see its refusal. */
export interface TextLine {
  readonly kind: "text";
  readonly text: string;
  /** Whether the server answers it. */
  readonly answered: boolean;
}

/** An invalid line, which is not sent. */
export interface FaultyLine {
  readonly kind: "faulty";
  readonly problem: string;
}

const SHORT = /^(\S+)\s*([^]*)$/;

/** Parses `METHOD [PARAMS]`, or a JSON-RPC message; null for an empty line. */
export function readLine(line: string): CallLine | TextLine | FaultyLine | null {
  const text = line.trim();
  if (text === "") return null;
  if (/^[{[]/.test(text)) return readMessage(text);
  const [, method = "", rest = ""] = SHORT.exec(text) ?? [];
  if (rest === "") return { kind: "call", method, params: undefined };
  try {
    return { kind: "call", method, params: JSON.parse(rest) };
  } catch {
    return { kind: "faulty", problem: `${method}: the parameters are no JSON: write METHOD {"name": "value"}` };
  }
}

function readMessage(text: string): CallLine | TextLine {
  let message: Record<string, unknown>;
  try {
    message = JSON.parse(text);
  } catch {
    return { kind: "text", text, answered: true };
  }
  const { jsonrpc, id, method, params, ...more } = message;
  if (jsonrpc !== "2.0" || typeof method !== "string" || Object.keys(more).length > 0) {
    return { kind: "text", text, answered: true };
  }
  if (id === undefined) return { kind: "text", text, answered: false };
  const isCall = (typeof id === "string" || typeof id === "number") && (params === undefined || isStructure(params));
  return isCall ? { kind: "call", id, method, params } : { kind: "text", text, answered: true };
}

function isStructure(params: unknown): boolean {
  return typeof params === "object" && params !== null;
}
