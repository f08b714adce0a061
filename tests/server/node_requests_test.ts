import type { Cluster, NodeInfo, NodeRequest } from "../../lib/cluster/cluster.ts";
import { answerNode, askNodes, coverageOf, type NodeRequestsDeps } from "../../lib/server/node_requests.ts";
import type { Session } from "../../lib/session/session.ts";
import { assertEquals, assertThrows } from "../assert.ts";

function setup() {
  const ended: string[] = [];
  const session = (id: string, userId: string) =>
    ({
      id,
      userId,
      ip: "192.0.2.1",
      since: 0,
      subprotocol: "chat.v1",
      end: (why: string) => ended.push(`${id} ${why}`),
    }) as unknown as Session;
  const sessions = [session("c1", "ann"), session("c2", "bob")];
  const deps: NodeRequestsDeps = {
    registry: { all: () => sessions, get: (id) => sessions.find((one) => one.id === id) },
    hub: { modulesOf: (topic) => topic === "hall" ? ["a.v1", "b.v1"] : [], subscribersOf: (module) => module.length },
    closedBy: (name) => name === "sub:ann" ? 2 : 0,
  };
  return { ended, ask: (kind: string, params?: unknown) => answerNode({ kind, params }, deps) };
}

Deno.test("answerNode() answers what administrators of other nodes ask", () => {
  const { ask, ended } = setup();
  assertEquals(ask("connections") as unknown, [
    { id: "c1", user: "ann", ip: "192.0.2.1", since: "1970-01-01T00:00:00.000Z", subprotocol: "chat.v1" },
    { id: "c2", user: "bob", ip: "192.0.2.1", since: "1970-01-01T00:00:00.000Z", subprotocol: "chat.v1" },
  ]);
  assertEquals([ask("kick", { id: "c2" }), ask("kick", { id: "c3" }), ended], [true, false, ["c2 kicked"]]);
  assertEquals(ask("subscribers", { topic: "hall" }) as unknown, { "a.v1": 4, "b.v1": 4 });
  assertEquals(ask("subscribers", { topic: "room" }) as unknown, {});
  assertEquals([ask("revoked", { name: "sub:ann" }), ask("revoked", { name: "sub:bob" })], [2, 0]);
});

Deno.test("answerNode() throws for what it does not understand, so that the node counts as missing", () => {
  const { ask } = setup();
  for (const params of [undefined, null, "c1", {}, { id: 1 }, Object.create({ id: "c1" })]) {
    assertThrows(() => ask("kick", params), TypeError);
  }
  assertThrows(() => ask("restart"), TypeError);
});

function cluster(kind: Cluster["kind"], up = true) {
  const asked: NodeRequest[] = [];
  const node = (id: string, own: boolean): NodeInfo => ({
    ...{ id, own, name: "", connections: 0, fingerprint: "", since: 0, draining: false },
  });
  const control: Cluster["control"] = {
    announce: () => Promise.resolve(true),
    ask: <T>(request: NodeRequest) => {
      asked.push(request);
      return Promise.resolve({ answers: new Map([["a", true as T]]), complete: false, missing: ["b"] });
    },
    nodes: () => [node("a", true), node("b", false), node("c", false)],
  };
  return { asked, kind, control, link: () => ({ up, forMs: 0, loaded: true }) };
}

Deno.test("askNodes() says which nodes are missing, and nothing of it where there is one node", async () => {
  const nodes = cluster("redis");
  const { replies, coverage } = await askNodes(nodes, "kick", { id: "c1" });
  assertEquals(nodes.asked, [{ kind: "kick", params: { id: "c1" } }]);
  assertEquals([[...replies], coverage], [[["a", true]], { complete: false, missing: ["b"] }]);
  assertEquals((await askNodes(cluster("memory"), "kick", { id: "c1" })).coverage, undefined);
});

Deno.test("coverageOf() lacks all other nodes while the link is down", () => {
  assertEquals(coverageOf(cluster("redis")), { complete: true, missing: [] });
  assertEquals(coverageOf(cluster("redis", false)), { complete: false, missing: ["b", "c"] });
  assertEquals(coverageOf(cluster("memory", false)), undefined);
});
