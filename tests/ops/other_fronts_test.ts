/** The operators' server of the first of several fronts, with the others behind real unix sockets. */
import { createLog } from "../../lib/log/log.ts";
import { startFrontServer } from "../../lib/ops/front_server.ts";
import { startOpsServer } from "../../lib/ops/ops_server.ts";
import type { AdminAnswer } from "../../lib/ops/attempt.ts";
import { isAboutAll, mergeAnswers } from "../../lib/ops/merged_answers.ts";
import { OtherFronts } from "../../lib/ops/other_fronts.ts";
import { createMetrics } from "../../lib/telemetry/metrics.ts";
import { Telemetry } from "../../lib/telemetry/telemetry.ts";
import { assert, assertEquals, assertLess } from "../assert.ts";
import { parseScrape, value } from "../helpers/prometheus.ts";
import { FakeTarget } from "./fake_target.ts";

const ADMIN_TOKEN = "k7QmYt0Jq3bV9sZ1xW5nR8cF2hL6dP4g";
const SECRET = "5f".repeat(32);

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** Three fronts; the last one is silent unless it is told to answer. */
class Service implements AsyncDisposable {
  readonly targets = [new FakeTarget(), new FakeTarget(), new FakeTarget()] as const;
  readonly lines: Record<string, unknown>[] = [];
  readonly #dir = Deno.makeTempDirSync({ prefix: "run-" });
  readonly sockets = [0, 1, 2].map((front) => `${this.#dir}/ops-${front}`);
  readonly #stack = new AsyncDisposableStack();
  #url = "";

  static async start(options: { silent?: boolean; clustered?: boolean } = {}): Promise<Service> {
    const service = new Service();
    await service.#start(options);
    return service;
  }

  async #start({ silent = false, clustered = false }: { silent?: boolean; clustered?: boolean }): Promise<void> {
    const log = createLog({ level: "info", format: "json", write: (line) => this.lines.push(JSON.parse(line)) });
    const metricsOf = (front: number) => {
      const telemetry = new Telemetry();
      telemetry.figure("sallyport_connections", () => 10 ** front);
      return createMetrics({ telemetry, version: "1.2.3", startedAt: Date.now() });
    };
    const { sockets, targets } = this;
    for (const front of silent ? [1] : [1, 2]) {
      const own = { socket: sockets[front]!, secret: SECRET, target: targets[front]!, metrics: metricsOf(front), log };
      const server = await startFrontServer(own);
      this.#stack.defer(() => server.close());
    }
    // Accepts connections, and answers nothing.
    if (silent) this.#stack.use(Deno.listen({ transport: "unix", path: sockets[2]! }));
    const server = await startOpsServer({
      hostname: "127.0.0.1",
      port: 0,
      version: "1.2.3",
      metrics: metricsOf(0),
      target: targets[0],
      log,
      adminToken: ADMIN_TOKEN,
      others: new OtherFronts({ number: 0, sockets, secret: SECRET, clustered }),
    });
    this.#stack.defer(() => server.close());
    this.#url = server.url;
  }

  async ask(method: string, path: string, body?: unknown): Promise<Answer> {
    const response = await fetch(this.#url + path, {
      method,
      headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: await response.json() };
  }

  async metrics(): Promise<string> {
    return await (await fetch(`${this.#url}/metrics`)).text();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
    await Deno.remove(this.#dir, { recursive: true });
  }
}

Deno.test("the connections, bans and revocations of all fronts are listed, each once", async () => {
  await using service = await Service.start();
  service.targets[1].live.set("c9", "carol");
  service.targets[2].banned.set("user:dave", "2026-11-22T16:00:00.000Z");
  const { body: { connections } } = await service.ask("GET", "/connections");
  assertEquals((connections as { id: string }[]).map(({ id }) => id), ["c1", "c/2", "c9"]);
  const { body: { bans } } = await service.ask("GET", "/bans");
  assertEquals((bans as { key: string }[]).map(({ key }) => key), ["ip:192.0.2.7", "user:a/b", "user:dave"]);
  const { body } = await service.ask("GET", "/revocations");
  assertEquals([(body["revocations"] as unknown[]).length, body["revoked_file"]], [2, 3]);
});

Deno.test("an action reaches the front that it concerns, and the log has it once", async () => {
  await using service = await Service.start();
  service.targets[2].live.set("c9", "carol");
  assertEquals(await service.ask("DELETE", "/connections/c9"), { status: 200, body: { kicked: "c9" } });
  assertEquals(service.targets[2].live.has("c9"), false);
  assertEquals((await service.ask("DELETE", "/connections/c9")).status, 404);
  const actions = service.lines.filter(({ event }) => event === "admin.action");
  assertEquals(actions.map(({ action, conn }) => [action, conn]), [["kick", "c9"]]);
});

Deno.test("a revocation and a publication reach every front, and their numbers are summed", async () => {
  await using service = await Service.start();
  assertEquals((await service.ask("POST", "/revocations", { sub: "alice" })).body, { closed: 6 });
  const event = { topic: "room:1", event: "message", data: { text: "hi" } };
  assertEquals((await service.ask("POST", "/publish", event)).body, { delivered: 6 });
  for (const { revocations, published } of service.targets) {
    assertEquals([revocations, published], [[[{ sub: "alice" }, undefined]], [{ ...event }]]);
  }
  assertEquals((await service.ask("DELETE", "/bans")).body, { lifted: 2 });
  const logged = service.lines.filter(({ event }) => event === "admin.action");
  assertEquals(logged.map(({ closed, delivered, lifted }) => closed ?? delivered ?? lifted), [6, 6, 2]);
});

Deno.test("fronts that are nodes of a cluster leave publications and complete answers to one of them", async () => {
  await using service = await Service.start({ clustered: true });
  const event = { topic: "room:1", event: "message", data: null };
  assertEquals((await service.ask("POST", "/publish", event)).body, { delivered: 2 });
  assertEquals(service.targets.map(({ published }) => published.length), [1, 0, 0]);
  assertEquals((await service.ask("POST", "/revocations", { sub: "alice" })).body, { closed: 2 });
  assertEquals(service.targets.map(({ revocations }) => revocations.length), [1, 0, 0]);
});

Deno.test("isAboutAll() tells an answer that is about all nodes of a cluster", () => {
  assert(isAboutAll({ status: 200, body: { closed: 1, complete: true, missing: [] } }));
  assert(isAboutAll({ status: 404, body: { error: "not_found" } }));
  assert(!isAboutAll({ status: 200, body: { connections: [], complete: false, missing: ["n2"] } }));
  assert(!isAboutAll({ status: 503, body: { error: "cluster_unavailable", applied: "here", closed: 1 } }));
});

Deno.test("mergeAnswers() makes one answer of those of fronts that are cut off from the cluster", () => {
  const here = (closed: number) => ({
    status: 503,
    body: { error: "cluster_unavailable", applied: "here", closed },
    logged: { action: "revoke", closed, applied: "here" },
  });
  const merged = mergeAnswers(new Map([[0, here(2)], [1, here(3)]]));
  assertEquals(merged, {
    status: 503,
    body: { error: "cluster_unavailable", applied: "here", closed: 5 },
    logged: { action: "revoke", closed: 5, applied: "here" },
  });
  // The other front's link is up.
  const everywhere = {
    status: 200,
    body: { closed: 3, complete: true, missing: [] },
    logged: { action: "revoke", closed: 3 },
  };
  const { status, body } = mergeAnswers(new Map<number, AdminAnswer>([[0, here(2)], [1, everywhere]]));
  assertEquals([status, body], [200, { closed: 5, complete: true, missing: [] }]);
  const lists = mergeAnswers(
    new Map([
      [0, { status: 200, body: { connections: [{ id: "a" }], complete: false, missing: ["n2"] } }],
      [1, { status: 200, body: { connections: [{ id: "b" }], complete: false, missing: ["n1"] } }],
    ]),
  );
  assertEquals(lists.body, { connections: [{ id: "a" }, { id: "b" }], complete: false, missing: ["n2", "n1"] });
});

Deno.test("a request that is wrong for every front is asked of none", async () => {
  await using service = await Service.start({ silent: true });
  const { status, body } = await service.ask("POST", "/revocations", { nobody: 1 });
  assertEquals([status, body["missing"]], [400, undefined]);
  assertEquals(await service.ask("PUT", "/bans"), { status: 405, body: { error: "method_not_allowed" } });
  assertEquals(service.lines.filter(({ event }) => event === "admin.rejected").length, 2);
});

Deno.test("an event that no front can send is refused as by one", async () => {
  await using service = await Service.start();
  for (const target of service.targets) target.outcome = { refused: "unknown_topic" };
  const event = { topic: "room:1", event: "message" };
  assertEquals(await service.ask("POST", "/publish", event), { status: 404, body: { error: "unknown_topic" } });
  service.targets[1].outcome = { refused: "overloaded" };
  assertEquals(await service.ask("POST", "/publish", event), { status: 503, body: { error: "overloaded" } });
  service.targets[0].outcome = { delivered: 2 };
  service.targets[2].outcome = { delivered: 3 };
  const { body } = await service.ask("POST", "/publish", event);
  assertEquals(body, { delivered: 5, complete: false, missing: ["front:1"] });
});

Deno.test("the service is ready when every front is", async () => {
  await using service = await Service.start();
  const ready = await service.ask("GET", "/readyz");
  assertEquals([ready.status, ready.body["ready"]], [200, true]);
  service.targets[2].conditions = { ...service.targets[2].conditions, cells: false };
  const { status, body } = await service.ask("GET", "/readyz");
  const { cells, ...others } = body["conditions"] as Record<string, boolean>;
  assertEquals([status, body["ready"], cells, Object.values(others).every(Boolean)], [503, false, false, true]);
});

Deno.test("the answers without a silent front come within seconds, and say so", async () => {
  await using service = await Service.start({ silent: true });
  service.targets[1].live.set("c9", "carol");
  const began = performance.now();
  const partial = { complete: false, missing: ["front:2"] };
  const { body: { connections, ...rest } } = await service.ask("GET", "/connections");
  assertEquals([(connections as unknown[]).length, rest], [3, partial]);
  assertLess(performance.now() - began, 5_000);
  assertEquals((await service.ask("POST", "/revocations", { sub: "alice" })).body, { closed: 4, ...partial });
  const unknown = await service.ask("DELETE", "/connections/c7");
  assertEquals(unknown, { status: 404, body: { error: "not_found", ...partial } });
  const { status, body } = await service.ask("GET", "/readyz");
  assertEquals([status, (body["conditions"] as Record<string, boolean>)["fronts"]], [503, false]);
  const { samples } = parseScrape(await service.metrics());
  assertEquals([0, 1, 2].map((front) => value(samples, "sallyport_front_up", { front: String(front) })), [1, 1, 0]);
  const action = service.lines.find(({ event }) => event === "admin.action");
  assertEquals([action?.["closed"], action?.["missing"]], [4, ["front:2"]]);
});

Deno.test("the metrics of all fronts have a label, and those of one name stand together", async () => {
  await using service = await Service.start();
  const text = await service.metrics();
  const { samples } = parseScrape(text);
  const connections = samples.filter(({ name }) => name === "sallyport_connections");
  assertEquals(connections.map(({ labels, value }) => [labels["front"], value]), [["0", 1], ["1", 10], ["2", 100]]);
  assert(samples.every(({ labels }) => labels["front"] !== undefined));
  const names = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
  assertEquals(new Set(names).size, names.length);
});

Deno.test("a front answers only requests that have the secret, and for itself alone", async () => {
  await using service = await Service.start();
  const ask = async (secret: string) => {
    const others = new OtherFronts({ number: 0, sockets: service.sockets, secret, clustered: false });
    return await others.ask({ method: "GET", path: "/connections" }, (text) => JSON.parse(text));
  };
  assertEquals([...(await ask("6".repeat(64))).values()], [null, null]);
  assertEquals(service.lines.map(({ event, reason }) => [event, reason]), [
    ["admin.rejected", "token_invalid"],
    ["admin.rejected", "token_invalid"],
  ]);
  const [first] = (await ask(SECRET)).values();
  assertEquals([first.status, first.body.connections.length], [200, 2]);
});
