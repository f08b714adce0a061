/** The promises of every implementation of the cluster, for one node and for two. */
import { until } from "../helpers/until.ts";
import { assertEquals } from "../assert.ts";
import type { Cluster } from "../../lib/cluster/cluster.ts";
import type { RecordedDuties } from "./duties.ts";

export interface ContractNode {
  readonly cluster: Cluster;
  readonly duties: RecordedDuties;
}

const bytes = (text: string) => new TextEncoder().encode(text);

/** One node, or several: each promise holds for all of them. */
export async function contract(t: Deno.TestContext, nodes: readonly ContractNode[]): Promise<void> {
  const first = nodes[0]!;
  const last = nodes.at(-1)!;
  const count = nodes.length;

  await t.step("a message reaches all nodes that listen, the publisher's included, in one order", async () => {
    for (const { cluster } of nodes) await cluster.backplane.listen("m", "order");
    const published: string[] = [];
    for (let i = 0; i < 200; i++) {
      const { cluster } = nodes[i % count]!;
      const text = `${i} é 世 \0`;
      published.push(`m order ${text}`);
      assertEquals(cluster.backplane.publish("m", "order", bytes(text)), "sent");
    }
    for (const { duties } of nodes) await until(() => duties.messages.length >= 200, "200 messages");
    for (const { duties } of nodes) assertEquals(duties.messages, first.duties.messages);
    assertEquals([...first.duties.messages].sort(), published.sort());
    for (const { duties } of nodes) duties.messages.length = 0;
  });

  await t.step("a publish after listen reaches the node itself, before listen has resolved", async () => {
    for (const [index, { cluster, duties }] of nodes.entries()) {
      for (let i = 0; i < 20; i++) {
        const topic = `joined ${index} ${i}`;
        cluster.backplane.listen("m", topic);
        cluster.backplane.publish("m", topic, bytes("own"));
      }
      await until(() => duties.messages.length >= 20, "all own messages");
      assertEquals(duties.messages.length, 20);
      duties.messages.length = 0;
    }
  });

  await t.step("topics of other modules, and topics that the node left, are not heard", async () => {
    const { cluster, duties } = last;
    await cluster.backplane.listen("m", "mine");
    await cluster.backplane.listen("m", "left");
    if (cluster.kind !== "memory") cluster.backplane.unlisten("m", "left");
    first.cluster.backplane.publish("other", "mine", bytes("no"));
    if (cluster.kind !== "memory") first.cluster.backplane.publish("m", "left", bytes("no"));
    first.cluster.backplane.publish("m", "mine", bytes("yes"));
    await until(() => duties.messages.includes("m mine yes"), "the message");
    assertEquals(duties.messages.filter((text) => text.endsWith("no") && cluster.kind !== "memory"), []);
    duties.messages.length = 0;
  });

  await t.step("a topic that is left and joined again at once is heard", async () => {
    const { cluster, duties } = last;
    for (let i = 0; i < 5; i++) {
      await cluster.backplane.listen("m", "again");
      cluster.backplane.unlisten("m", "again");
      await new Promise((resolve) => setTimeout(resolve, i * 100));
    }
    await cluster.backplane.listen("m", "again");
    // Long enough for a topic that is left to be unsubscribed from.
    await new Promise((resolve) => setTimeout(resolve, 800));
    first.cluster.backplane.publish("m", "again", bytes("here"));
    await until(() => duties.messages.includes("m again here"), "the message");
    duties.messages.length = 0;
  });

  await t.step("a value is taken once", async () => {
    const keys = Array.from({ length: 50 }, (_, index) => `key ${index}`);
    await Promise.all(keys.map((key) => first.cluster.state.put("ticket", key, `value of ${key}`, 30_000)));
    const takes = keys.flatMap((key) =>
      nodes.flatMap(({ cluster }) => [0, 1].map(() => cluster.state.take("ticket", key)))
    );
    const taken = (await Promise.all(takes)).filter((value) => value !== undefined);
    assertEquals(taken.sort(), keys.map((key) => `value of ${key}`).sort());
    assertEquals(await last.cluster.state.take("other space", "key 1"), undefined);
  });

  await t.step("a user has as many seats as the cap, over all nodes", async () => {
    const asked = Array.from({ length: 60 }, (_, index) => nodes[index % count]!);
    const outcomes = await Promise.all(asked.map(({ cluster }) => cluster.state.seat("ann", 20)));
    assertEquals(outcomes.filter((outcome) => outcome === "taken").length, 20);
    assertEquals(outcomes.filter((outcome) => outcome === "full").length, 40);
    const holder = asked[outcomes.indexOf("taken")]!;
    holder.cluster.state.unseat("ann");
    await until(async () => await last.cluster.state.seat("ann", 20) === "taken", "the seat to be free");
    assertEquals(await first.cluster.state.seat("ann", 20), "full");
    assertEquals(await first.cluster.state.seat("bob", 20), "taken", "another user");
  });

  await t.step("presence has the users of all nodes, with the number of their connections", async () => {
    for (const [index, { cluster }] of nodes.entries()) {
      cluster.state.join("m", "room", "ann");
      cluster.state.join("m", "room", `user ${index}`);
      cluster.state.join("m", "room", "gone");
      cluster.state.leave("m", "room", "gone");
    }
    const expected = [["ann", count], ...nodes.map((_, index) => [`user ${index}`, 1])];
    for (const { cluster } of nodes) {
      await until(async () => (await cluster.state.present("m", "room")).users.length === count + 1, "all users");
      const { users, partial } = await cluster.state.present("m", "room");
      assertEquals(partial, false);
      assertEquals(users.map(({ user, connections }) => [user, connections]).sort(), expected.sort());
    }
    first.cluster.state.leave("m", "room", "user 0");
    await until(
      async () => (await last.cluster.state.present("m", "room")).users.length === count,
      "the user to be gone",
    );
    assertEquals((await last.cluster.state.present("m", "another room")).users, []);
  });

  await t.step("a request is answered by all nodes", async () => {
    for (const { duties } of nodes) duties.reply = ({ kind, params }) => ({ kind, params });
    await until(() => first.cluster.control.nodes().length === count, "all nodes to be known");
    const { answers, complete, missing } = await first.cluster.control.ask({ kind: "list", params: [1, "é"] });
    assertEquals({ complete, missing }, { complete: true, missing: [] });
    const expected = { kind: "list", params: [1, "é"] };
    assertEquals(new Map(answers), new Map(nodes.map(({ cluster }) => [cluster.node, expected])));
  });

  await t.step("a node that fails to answer is missing", async () => {
    last.duties.reply = () => Promise.reject(new Error("no"));
    const { complete, missing } = await first.cluster.control.ask({ kind: "list" });
    assertEquals({ complete, missing }, { complete: false, missing: [last.cluster.node] });
  });

  await t.step("a record that is announced is taken, and the other nodes learn it", async () => {
    const notice = { kind: "ban", key: "user:ann", record: "{}", until: Date.now() + 60_000 };
    assertEquals(await first.cluster.control.announce(notice), true);
    const lifted = { ...notice, record: null };
    assertEquals(await first.cluster.control.announce(lifted), true);
    for (const { duties } of nodes.slice(1)) {
      await until(() => duties.learned.length === 2, "both notices");
      assertEquals(duties.learned, [notice, lifted]);
    }
    assertEquals(first.duties.learned, [], "the node that announces has applied it already");
  });

  await t.step("nodes tell of themselves", async () => {
    first.duties.description = { name: "first", connections: 7, fingerprint: "a" };
    const find = () => last.cluster.control.nodes().find(({ id }) => id === first.cluster.node);
    await until(() => find()?.connections === 7, "the description");
    const { since, ...rest } = find()!;
    const own = first.cluster.node === last.cluster.node;
    assertEquals(rest, { ...first.duties.description, id: first.cluster.node, draining: false, own });
    assertEquals(Math.abs(Date.now() - since) < 600_000, true);
    first.cluster.leave();
    await until(() => find()?.draining === true, "the drain to be known");
  });
}
