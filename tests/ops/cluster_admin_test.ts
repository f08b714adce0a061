/** Administration of a cluster: answers say which nodes they cover, and a change that stays on one node is no success. */
import { AdminError, administer, type AdminResult } from "../../lib/ops/admin.ts";
import { assertEquals, assertRejects } from "../assert.ts";
import { FakeTarget } from "./fake_target.ts";

const PART = { complete: false, missing: ["n2", "n3"] };

function ask(target: FakeTarget, request: string, body?: unknown): Promise<AdminResult> {
  const [method = "", path = ""] = request.split(" ");
  return administer({ method, path, body: () => Promise.resolve(body) }, target);
}

function inCluster(): FakeTarget {
  const target = new FakeTarget();
  target.coverage = PART;
  return target;
}

Deno.test("GET /nodes lists the nodes", async () => {
  const target = new FakeTarget();
  assertEquals((await ask(target, "GET /nodes")).body, { nodes: target.nodes().value });
});

Deno.test("an answer about all nodes says which ones it lacks, and that of a single node says nothing of it", async () => {
  const requests: [string, unknown?][] = [
    ["GET /nodes"],
    ["GET /connections"],
    ["GET /bans"],
    ["GET /revocations"],
    ["POST /publish", { topic: "hall", method: "news" }],
    ["POST /publish", { topic: "hall", event: "news" }],
    ["POST /revocations", { sub: "alice" }],
  ];
  for (const [request, body] of requests) {
    const partial = await ask(inCluster(), request, body);
    const { complete, missing, ...rest } = partial.body as Record<string, unknown>;
    assertEquals({ status: partial.status, complete, missing }, { status: 200, ...PART }, request);
    assertEquals((await ask(new FakeTarget(), request, body)).body, rest, request);
  }
});

Deno.test("a connection that no node that answered has may be on another node", async () => {
  const target = inCluster();
  assertEquals((await ask(target, "DELETE /connections/c1")).body, { kicked: "c1" });
  const refused = await assertRejects(() => ask(target, "DELETE /connections/c1"), AdminError);
  assertEquals([refused.status, refused.reason, refused.detail], [503, "cluster_unavailable", PART]);
  target.coverage = { complete: true, missing: [] };
  const unknown = await assertRejects(() => ask(target, "DELETE /connections/c1"), AdminError);
  assertEquals([unknown.status, unknown.reason], [404, "not_found"]);
});

Deno.test("a change that the other nodes have not taken is answered 503 with what was done here, and logged", async () => {
  const requests: [string, Record<string, unknown>, string, unknown?][] = [
    ["POST /revocations", { closed: 2 }, "revoke", { sub: "alice" }],
    ["DELETE /revocations/sub:alice", { lifted: 1 }, "lift_revocation"],
    ["DELETE /revocations", { lifted: 1 }, "lift_all_revocations"],
    ["DELETE /bans/ip:192.0.2.7", { lifted: 1 }, "lift_ban"],
    ["DELETE /bans", { lifted: 1 }, "lift_all_bans"],
  ];
  const target = new FakeTarget();
  target.applied = "here";
  for (const [request, effect, action, body] of requests) {
    const { status, body: answer, logged } = await ask(target, request, body);
    assertEquals([status, answer], [503, { error: "cluster_unavailable", applied: "here", ...effect }], request);
    assertEquals([logged?.action, logged?.applied], [action, "here"], request);
  }
});

Deno.test("a key that no node knows is not found, whether the others can be reached or not", async () => {
  for (const applied of ["everywhere", "here"] as const) {
    const target = new FakeTarget();
    target.applied = applied;
    for (const request of ["DELETE /bans/user:x", "DELETE /revocations/sub:x"]) {
      const { status } = await assertRejects(() => ask(target, request), AdminError);
      assertEquals(status, 404, request);
    }
  }
});
