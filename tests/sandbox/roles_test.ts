/** A method that names neither `roles` nor `public` is open to any admitted session. */
import { assertEquals } from "../assert.ts";
import { call, join } from "../helpers/client.ts";
import { CallError, type Handlers, testHandlers } from "../../lib/mod.ts";
import { Live } from "../helpers/module_server.ts";

const MODULE = `export default ({ z }) => ({
  methods: {
    plain: { params: z.object({}), handle: () => 1 },
    public: { params: z.object({}), public: true, handle: () => 2 },
    closed: { params: z.object({}), public: false, handle: () => 3 },
    admin: { params: z.object({}), roles: ["admin"], handle: () => 4 },
  },
});`;
const RIGHTS = [
  { roles: [], may: ["plain", "public", "closed"] },
  { roles: ["user"], may: ["plain", "public", "closed"] },
  { roles: ["admin"], may: ["plain", "public", "closed", "admin"] },
];

Deno.test("roles decide which users may call a method, and the contract says the same", async () => {
  await using live = await Live.start({ "r.v1": MODULE });
  for (const { roles, may } of RIGHTS) {
    using client = await join(live.server, { subprotocol: "r.v1", token: live.server.token("ann", { roles }) });
    for (const method of ["plain", "public", "closed", "admin"]) {
      const { error } = await call(client, method, {});
      assertEquals(error?.code, may.includes(method) ? undefined : -32003, `${method} for ${roles}`);
    }
    const document = (await call(client, "rpc.discover", {})).result as { methods: { name: string }[] };
    assertEquals(document.methods.map(({ name }) => name).filter((name) => !/^(rpc|session|topic)\./.test(name)), may);
  }
});

Deno.test("testHandlers() lets the same users call", async () => {
  const module = (({ z }) => ({
    methods: {
      plain: { params: z.object({}), handle: () => 1 },
      admin: { params: z.object({}), roles: ["admin"], handle: () => 4 },
    },
  })) satisfies Handlers;
  const handlers = testHandlers(module);
  assertEquals(await handlers.call("plain", {}, { roles: [] }), 1);
  assertEquals(await handlers.call("admin", {}, { roles: ["admin"] }), 4);
  const refused = await handlers.call("admin", {}, { roles: [] }).catch((error: CallError) => error.code);
  assertEquals(refused, -32003);
});
