/** The methods that the server itself answers. */
import type { Identity } from "../../lib/gate/gate.ts";
import { SERVER_METHODS } from "../../lib/sandbox/sandbox.ts";
import { builtins } from "../../lib/session/builtins.ts";
import { assert, assertEquals } from "../assert.ts";
import { World } from "../helpers/session_world.ts";

/** Sends a request and returns the answer, once there is one. */
async function ask(world: World, method: string, params?: unknown): Promise<Record<string, unknown>> {
  world.send(JSON.stringify({ jsonrpc: "2.0", id: 1, method, ...(params === undefined ? {} : { params }) }));
  for (let turn = 0; turn < 10 && world.sent.length === 0; turn++) await Promise.resolve();
  assertEquals(world.sent.length, 1, `${method} is answered once`);
  return JSON.parse(world.sent.pop()!);
}

const identity = (changes: Partial<Identity> = {}): Identity => ({
  user: "ada",
  roles: ["user", "editor"],
  claims: {},
  issuedAt: 0,
  expiresAt: 90_500,
  ...changes,
});

Deno.test("session.whoami answers user, roles and expiry in seconds, without the cell", async () => {
  const world = new World();
  const { result } = await ask(world, "session.whoami");
  assertEquals(result, { user: "ada", roles: ["user"], expires_at: null });
  assertEquals(world.begun, []);
});

Deno.test("session.refresh replaces the identity by that of a token of the same user", async () => {
  const world = new World({ verify: () => Promise.resolve({ ok: true, identity: identity() }) });
  const answer = { user: "ada", roles: ["user", "editor"], expires_at: 90 };
  assertEquals((await ask(world, "session.refresh", { token: "t" })).result, answer);
  assertEquals((await ask(world, "session.whoami")).result, answer);
  assertEquals(world.closeCode, undefined);
});

Deno.test("session.refresh refuses another user's token and leaves the session as it was", async () => {
  const world = new World({ verify: () => Promise.resolve({ ok: true, identity: identity({ user: "eve" }) }) });
  const { error } = await ask(world, "session.refresh", { token: "t" });
  assertEquals((error as { code: number } | undefined)?.code, -32003);
  assertEquals(((await ask(world, "session.whoami")).result as { user: string }).user, "ada");
});

Deno.test("session.refresh answers a refused token with its reason, never with its detail", async () => {
  const verify = () => Promise.resolve({ ok: false, reason: "token_expired", detail: "secret detail" });
  const { error } = await ask(new World({ verify }), "session.refresh", { token: "t" });
  assertEquals(error, {
    code: -32003,
    message: (error as { message: string }).message,
    data: { reason: "token_expired" },
  });
  assert(!JSON.stringify(error).includes("secret detail"));
});

Deno.test("wrong params of a server method are -32602 with path and code, never the value", async () => {
  for (const params of [{}, { token: "" }, { token: 5 }, { token: "secret".repeat(2000) }, ["secret"]]) {
    const world = new World({ verify: () => Promise.reject(new Error("not asked")) });
    const { error } = await ask(world, "session.refresh", params);
    const { code, data } = error as { code: number; data: { issues: Record<string, unknown>[] } };
    assertEquals(code, -32602, JSON.stringify(params).slice(0, 40));
    assert(data.issues.length > 0 && data.issues.every((issue) => Object.keys(issue).join() === "path,code,message"));
    assert(!JSON.stringify(error).includes("secret"));
  }
});

Deno.test("rpc.discover lists the methods that the caller may call, and those of the server are not shadowed", async () => {
  const world = new World();
  const { methods } = (await ask(world, "rpc.discover")).result as { methods: { name: string }[] };
  const names = methods.map(({ name }) => name);
  assert(names.includes("slow") && !names.includes("admin"), names.join());
  assertEquals(world.begun, []);
});

Deno.test("SERVER_METHODS has the methods that the server answers, and no others", () => {
  assertEquals([...SERVER_METHODS], [...builtins.keys()]);
});
