import type { LinkState, NodeInfo } from "../../lib/cluster/cluster.ts";
import { createLog } from "../../lib/log/log.ts";
import { ClusterWatch } from "../../lib/server/cluster_watch.ts";
import { createMetrics } from "../../lib/telemetry/metrics.ts";
import { Telemetry } from "../../lib/telemetry/telemetry.ts";
import { assertEquals } from "../assert.ts";
import { parseScrape, value } from "../helpers/prometheus.ts";

function node(id: string, fingerprint = "f1"): NodeInfo {
  return { id, name: `machine-${id}`, connections: 1, fingerprint, since: 0, draining: false, own: id === "own" };
}

function setup() {
  const lines: Record<string, unknown>[] = [];
  const telemetry = new Telemetry();
  const state: { link: LinkState; nodes: NodeInfo[] } = {
    link: { up: true, forMs: 0, loaded: true },
    nodes: [node("own")],
  };
  const watch = new ClusterWatch({
    cluster: {
      control: { nodes: () => state.nodes, announce: () => Promise.reject(), ask: () => Promise.reject() },
      figures: {
        published: { sent: 3, local: 2, dropped: 1, unknown: 0 },
        received: 7,
        failures: 1,
        failedCalls: 4,
        refusedMessages: 5,
      },
      link: () => state.link,
    },
    log: createLog({ level: "debug", format: "json", write: (line) => lines.push(JSON.parse(line)) }),
    telemetry,
  });
  return {
    state,
    telemetry,
    /** The events of one look, each with the node that it names. */
    look: () => {
      lines.length = 0;
      watch.look();
      return lines.map(({ event, node }) => node === undefined ? event : `${event} ${node}`);
    },
    [Symbol.dispose]: () => watch.close(),
  };
}

Deno.test("the log says once of each node that its configuration differs, and again after a change", () => {
  using cluster = setup();
  const { state, look } = cluster;
  state.nodes = [node("own"), node("b", "f2"), node("c")];
  const mismatch = "cluster.config_mismatch b";
  state.link = { ...state.link, up: false };
  assertEquals(look(), [], "the list of nodes may be old");
  state.link = { ...state.link, up: true };
  assertEquals([look(), look()], [[mismatch], []]);
  state.nodes = [node("own"), node("b", "f3"), node("c")];
  assertEquals(look(), [mismatch]);
  state.nodes = [node("own"), node("b"), node("c")];
  assertEquals(look(), []);
  state.nodes = [node("own"), node("b", "f3"), node("c")];
  assertEquals(look(), [mismatch]);
  state.nodes = [node("own"), node("b", ""), node("c")];
  assertEquals(look(), [], "a node that starts or drains");
  state.nodes = [node("own", ""), node("b"), node("c")];
  assertEquals(look(), [], "while this node starts or drains");
});

Deno.test("the metrics are those of the cluster at the time of the scrape", async () => {
  using cluster = setup();
  const { state, telemetry } = cluster;
  const metrics = createMetrics({ telemetry, version: "1", startedAt: 0 });
  const scrape = async () => {
    const { samples } = parseScrape(await metrics.text());
    return (name: string, labels?: Record<string, string>) => value(samples, `sallyport_cluster_${name}`, labels);
  };
  let of = await scrape();
  assertEquals([of("up"), of("nodes"), of("config_mismatch")], [1, 1, 0]);
  assertEquals([of("received_total"), of("failures_total"), of("failed_calls_total")], [7, 1, 4]);
  assertEquals(of("refused_messages_total"), 5);
  assertEquals([of("published_total", { result: "sent" }), of("published_total", { result: "local" })], [3, 2]);
  state.link = { ...state.link, up: false };
  state.nodes = [node("own"), node("b", "f2")];
  of = await scrape();
  assertEquals([of("up"), of("nodes"), of("config_mismatch")], [0, 2, 1]);
});
