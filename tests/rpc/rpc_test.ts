import fc from "fast-check";
import { assert, assertEquals } from "../assert.ts";
import {
  ErrorCode,
  errorResponse,
  isFault,
  notification,
  paramsOf,
  parseMessage,
  resultResponse,
  type RpcResponse,
} from "../../lib/rpc/rpc.ts";
import { exceedsDepth } from "../../lib/rpc/json_scan.ts";

const LIMITS = { max_depth: 4, max_batch: 3 };
const request = (more: Record<string, unknown>) => JSON.stringify({ jsonrpc: "2.0", method: "m", ...more });

function single(text: string) {
  const message = parseMessage(text, LIMITS);
  assert(!message.batch, "a single message");
  return message.element;
}

Deno.test("parseMessage() takes requests and notifications", () => {
  for (const id of ["a", "", 0, 1, -1, 1.5, Number.MAX_SAFE_INTEGER, null]) {
    const element = single(request({ id, params: { a: 1 } }));
    assert(!isFault(element));
    assertEquals(element.id, id);
    assertEquals(element.method, "m");
  }
  const element = single(request({}));
  assert(!isFault(element));
  assertEquals(element.id, undefined);
  assert(!isFault(single(request({ params: [1, 2] }))));
  assert(!isFault(single(request({ more: true }))));
});

Deno.test("parseMessage() answers what is not JSON with -32700 and a null id", () => {
  for (const text of ["", "{", "nope", '{"jsonrpc":"2.0"', "[1,]", "\ufeff{}", "NaN", '{"a":1}{"b":2}']) {
    assertEquals(single(text), { id: null, code: ErrorCode.PARSE_ERROR }, text);
  }
});

Deno.test("parseMessage() answers what is no request object with -32600 and the id it could read", () => {
  const table: [unknown, string | number | null][] = [
    [1, null],
    ["x", null],
    [null, null],
    [true, null],
    [{}, null],
    [{ jsonrpc: "2.0" }, null],
    [{ jsonrpc: "1.0", method: "m", id: 3 }, 3],
    [{ jsonrpc: 2, method: "m", id: 3 }, 3],
    [{ method: "m", id: 3 }, 3],
    [{ jsonrpc: "2.0", method: 1, id: "x" }, "x"],
    [{ jsonrpc: "2.0", method: "m", id: {} }, null],
    [{ jsonrpc: "2.0", method: "m", id: [1] }, null],
    [{ jsonrpc: "2.0", method: "m", id: true }, null],
    [{ jsonrpc: "2.0", method: "m", id: 5, params: "x" }, 5],
    [{ jsonrpc: "2.0", method: "m", id: 5, params: 7 }, 5],
    [{ jsonrpc: "2.0", method: "m", id: 5, params: null }, 5],
    [{ jsonrpc: "2.0", result: 1, id: 5 }, 5],
    [[], null],
    [[1, 2, 3, 4], null],
  ];
  for (const [value, id] of table) {
    assertEquals(single(JSON.stringify(value)), { id, code: ErrorCode.INVALID_REQUEST }, JSON.stringify(value));
  }
  // Numbers that would come back as other numbers, or as null.
  for (const id of ["9007199254740993", "1e400", "-1e400"]) {
    assertEquals(
      single(`{"jsonrpc":"2.0","method":"m","id":${id}}`),
      { id: null, code: ErrorCode.INVALID_REQUEST },
      id,
    );
  }
});

Deno.test("parseMessage() reads own members only", () => {
  for (
    const text of [
      '{"__proto__":{"jsonrpc":"2.0","method":"m","id":1}}',
      '{"jsonrpc":"2.0","id":1,"__proto__":{"method":"m"}}',
      '{"jsonrpc":"2.0","constructor":{"prototype":{"method":"m"}}}',
    ]
  ) {
    const element = single(text);
    assert(isFault(element), text);
    assertEquals(element.code, ErrorCode.INVALID_REQUEST);
  }
  assertEquals(({} as Record<string, unknown>).method, undefined);
  const harmless = single('{"jsonrpc":"2.0","method":"__proto__","id":1,"params":{"__proto__":{"polluted":1}}}');
  assert(!isFault(harmless));
  assertEquals(harmless.method, "__proto__");
  assertEquals(({} as Record<string, unknown>).polluted, undefined);
});

Deno.test("parseMessage() judges a batch element by element", () => {
  const message = parseMessage(`[${request({ id: 1 })},7,${request({})}]`, LIMITS);
  assert(message.batch);
  assertEquals(message.elements.map((element) => isFault(element)), [false, true, false]);
  assertEquals(message.elements[1], { id: null, code: ErrorCode.INVALID_REQUEST });
  const [first] = message.elements;
  assert(first && !isFault(first));
  assertEquals(first.text, request({ id: 1 }));
});

Deno.test("parseMessage() keeps a batch element's params", () => {
  const params = { a: [1, { b: "ü" }] };
  const message = parseMessage(`[${request({ id: 1, params })}]`, { max_depth: 8, max_batch: 1 });
  assert(message.batch);
  const [first] = message.elements;
  assert(first && !isFault(first));
  assertEquals(paramsOf(first), params);
});

Deno.test("parseMessage() refuses what nests deeper than max_depth, exactly", () => {
  const nested = (levels: number) => {
    // The request object itself is the first level.
    const params = "[".repeat(levels - 1) + "]".repeat(levels - 1);
    return `{"jsonrpc":"2.0","method":"m","id":1,"params":${params}}`;
  };
  assert(!isFault(single(nested(4))));
  assertEquals(single(nested(5)), { id: 1, code: ErrorCode.INVALID_REQUEST });
  assertEquals(single(nested(50_000)), { id: 1, code: ErrorCode.INVALID_REQUEST });
  assertEquals(single("[".repeat(100_000)), { id: null, code: ErrorCode.PARSE_ERROR });
  // The list of a batch is a level as well.
  assertEquals(parseMessage(`[${nested(3)}]`, LIMITS).batch, true);
  assertEquals(single(`[${nested(4)}]`), { id: null, code: ErrorCode.INVALID_REQUEST });
});

Deno.test("exceedsDepth() agrees with a walk through the value", () => {
  const depthOf = (value: unknown): number =>
    typeof value === "object" && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0;
  fc.assert(fc.property(fc.jsonValue({ maxDepth: 8 }), fc.integer({ min: 1, max: 9 }), (value, max) => {
    assertEquals(exceedsDepth(JSON.stringify(value), max), depthOf(value) > max);
  }));
});

Deno.test("exceedsDepth() counts the levels of a text that is nothing but brackets", () => {
  for (const levels of [1, 2, 7, 64]) {
    const text = "[".repeat(levels) + "]".repeat(levels);
    assertEquals([exceedsDepth(text, levels), exceedsDepth(text, levels - 1)], [false, true], `${levels} levels`);
  }
});

Deno.test("exceedsDepth() is not misled by brackets and quotes in strings", () => {
  assert(!exceedsDepth(JSON.stringify(["[[[[[[[[{{{{", '\\"[[[[[', "]]]]"]), 1));
  assert(exceedsDepth(JSON.stringify(['"', [["]"]]]), 2));
});

Deno.test("parseMessage() never throws", () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json(), fc.json().map((text) => text.slice(1))), (text) => {
    parseMessage(text, LIMITS);
  }));
});

Deno.test("responses echo any id a request may have", () => {
  const ids = fc.oneof(
    fc.string(),
    fc.constant(null),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true, min: -1e6, max: 1e6 }),
  );
  fc.assert(fc.property(ids, fc.json(), (id, json) => {
    const expected = JSON.parse(JSON.stringify(id));
    for (const result of [json, new TextEncoder().encode(json)]) {
      const written = JSON.parse(wholeOf(resultResponse(id, result)));
      assertEquals(written, { jsonrpc: "2.0", id: expected, result: JSON.parse(json) });
    }
    assertEquals(JSON.parse(errorResponse(id, ErrorCode.RATE_LIMITED, '{"retry_after_ms":5}')), {
      jsonrpc: "2.0",
      id: expected,
      error: { code: -32001, message: "Rate limited", data: { retry_after_ms: 5 } },
    });
  }));
  assertEquals(JSON.parse(notification('a"b', "[1]")), { jsonrpc: "2.0", method: 'a"b', params: [1] });
});

/** A text that is characters, or bytes of UTF-8. */
function textOf(text: string | Uint8Array): string {
  return typeof text === "string" ? text : new TextDecoder().decode(text);
}

function wholeOf(response: RpcResponse): string {
  return typeof response === "string" ? response : response.head + textOf(response.body) + response.tail;
}
