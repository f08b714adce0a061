/** Output of a module is JSON-RPC, with any values; and the same in a batch. */
import { assert, assertEquals } from "../assert.ts";
import { call, join, nextAnswer } from "../helpers/client.ts";
import { Live } from "../helpers/module_server.ts";

const MODULE = `
const values = {
  nothing: { toJSON: () => undefined },
  text: { toJSON: () => "],{" },
  number: { toJSON: () => 1 },
  list: { toJSON: () => [1] },
  object: { toJSON: () => ({ a: 1 }) },
  function: { toJSON: () => () => 1 },
  undefined_inside: { a: undefined, b: () => 1, c: Symbol("x"), d: NaN, e: -Infinity },
  surrogate: { a: "\\ud800" },
  cycle: (() => { const made = {}; made.made = made; return made; })(),
  bigint: { a: 1n },
};
export default ({ z }) => ({
  methods: {
    result: { params: z.object({ name: z.string() }), handle: ({ name }) => values[name] },
    notify: {
      params: z.object({ name: z.string() }),
      handle({ name }, ctx) {
        try {
          ctx.notify("told", values[name]);
          return "sent";
        } catch (error) {
          return error.constructor.name;
        }
      },
    },
    send: {
      params: z.object({}),
      handle(_, ctx) {
        try {
          ctx.send("this is no JSON-RPC");
          return "sent";
        } catch (error) {
          return error.constructor.name;
        }
      },
    },
    echo: { params: z.any(), handle: (params) => params },
    kinds: { params: z.any(), handle: ({ n }) => [typeof n, String(n)] },
    finite: { params: z.object({ n: z.number() }), handle: ({ n }) => n },
    ping: { params: z.object({}), handle: () => "pong" },
  },
});
`;

Deno.test("a result is JSON or -32603, with any toJSON", async () => {
  await using live = await Live.start({ "json.v1": MODULE });
  using client = await join(live.server, { subprotocol: "json.v1" });
  const result = async (name: string) => {
    const { result, error } = await call(client, "result", { name });
    return error === undefined ? result : error.code;
  };
  assertEquals(await result("nothing"), null);
  assertEquals(await result("function"), null);
  assertEquals(await result("text"), "],{");
  assertEquals(await result("number"), 1);
  assertEquals(await result("undefined_inside"), { d: null, e: null });
  assertEquals(await result("surrogate"), { a: "\ud800" });
  assertEquals(await result("cycle"), -32603);
  assertEquals(await result("bigint"), -32603);
  assertEquals((await call(client, "ping", {})).result, "pong");
});

Deno.test("parameters of a notification are an object or a list when they are written, or the handler gets an error", async () => {
  await using live = await Live.start({ "json.v1": MODULE });
  using client = await join(live.server, { subprotocol: "json.v1" });
  for (const name of ["list", "object", "undefined_inside", "surrogate"]) {
    const notification = await call(client, "notify", { name });
    assertEquals(notification.method, "told", name);
    assert(typeof notification.params === "object" && notification.params !== null, name);
    assertEquals((await nextAnswer(client)).result, "sent", name);
  }
  for (const name of ["nothing", "text", "number", "function", "cycle", "bigint"]) {
    assertEquals((await call(client, "notify", { name })).result, "TypeError", name);
  }
});

Deno.test("a module of methods can't send frames of its own", async () => {
  await using live = await Live.start({ "json.v1": MODULE });
  using client = await join(live.server, { subprotocol: "json.v1" });
  assertEquals((await call(client, "send", {})).result, "TypeError");
  assertEquals((await call(client, "ping", {})).result, "pong");
});

Deno.test("a request means the same alone and in a batch, numbers beyond the largest included", async () => {
  await using live = await Live.start({ "json.v1": MODULE }, { messages: { max_invalid: 100 } });
  using client = await join(live.server, { subprotocol: "json.v1" });
  for (const method of ["echo", "kinds", "finite"]) {
    for (
      const params of [
        '{"n":1e400}',
        '{"n":-1e400}',
        '{"n":1e-400}',
        '{"n":-0}',
        '{"n":12345678901234567890}',
        '{"n":"\\ud800"}',
      ]
    ) {
      const request = `{"jsonrpc":"2.0","id":1,"method":"${method}","params":${params}}`;
      await client.text(request);
      const alone = await nextAnswer(client);
      await client.text(`[${request}]`);
      const [inBatch] = await nextAnswer(client) as unknown as unknown[];
      const withoutRef = (answer: unknown) => JSON.stringify(answer).replace(/"ref":"[^"]*"/, "");
      assertEquals(withoutRef(inBatch), withoutRef(alone), `${method} ${params}`);
    }
  }
});
