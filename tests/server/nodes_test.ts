/** Servers as nodes over a real Redis: what they share, and what each does when Redis is gone. */
import { until } from "../helpers/until.ts";
import type { Identity } from "../../lib/gate/gate.ts";
import type { Subscriber } from "../../lib/hub/hub.ts";
import { isConnected } from "../../lib/server/link_health.ts";
import { NEEDS, RedisServer } from "../helpers/redis_server.ts";
import { assert, assertEquals } from "../assert.ts";
import { ORIGIN } from "../helpers/test_server.ts";
import { optional } from "../helpers/optional.ts";
import type { RawClient } from "../helpers/raw_client.ts";
import { InProcess } from "./in_process.ts";

const DEADLINE_MS = 20_000;
const MODULE = "echo.v1";

interface NodeOptions {
  readonly server?: Record<string, unknown>;
  readonly cluster?: Record<string, unknown>;
  readonly limits?: Record<string, unknown>;
}

function start(url: string, { server = {}, cluster = {}, limits = {} }: NodeOptions = {}): Promise<InProcess> {
  return InProcess.start({
    config: {
      server,
      cluster: { url_file: "redis.url", secret_file: "cluster.secret", stale_after: "1s", ...cluster },
      auth: {
        algorithms: ["ES256"],
        public_key_file: "es256.pub.pem",
        issuer: "https://id.example.com",
        audience: "sallyport",
        sources: ["header", "ticket"],
      },
      limits: { handshake: { rate: 1e6, burst: 1e6 }, adaptive: false, ...limits },
    },
    files: { "redis.url": url + "\n", "cluster.secret": "a secret of at least thirty-two bytes\n" },
  });
}

/** Servers over one Redis, all of which know one another. */
class Place implements AsyncDisposable {
  private constructor(readonly redis: RedisServer, readonly nodes: readonly InProcess[]) {}

  static async start(count: number, options: NodeOptions = {}): Promise<Place> {
    const redis = await RedisServer.start();
    const nodes = await Promise.all(Array.from({ length: count }, () => start(redis.url, options)));
    const place = new Place(redis, nodes);
    await until(() => place.live === count, "the nodes to know one another");
    return place;
  }

  get a(): InProcess {
    return this.nodes[0]!;
  }

  get b(): InProcess {
    return this.nodes[1]!;
  }

  get live(): number {
    return Math.min(...this.nodes.map(({ server }) => server.cluster.control.nodes().length));
  }

  /** Calls without an answer in time, and failures of the link. */
  get failedCalls(): number {
    const all = this.nodes.map(({ server }) => server.cluster.figures);
    return all.reduce((sum, { failedCalls, failures }) => sum + failedCalls + failures, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const node of this.nodes) await node[Symbol.asyncDispose]();
    await this.redis[Symbol.asyncDispose]();
  }
}

/** Most attempts at a scene on a busy machine. */
const MOST_ATTEMPTS = 5;

/**
 * Plays a scene of two nodes. A call that is not answered within its 250 ms has another outcome by contract; a scene
 * with such a call is played again.
 */
async function scene(options: NodeOptions, play: (place: Place) => Promise<void>) {
  for (let attempt = 1;; attempt++) {
    await using place = await Place.start(2, options);
    try {
      return await play(place);
    } catch (error) {
      if (place.failedCalls === 0 || attempt === MOST_ATTEMPTS) throw error;
    }
  }
}

/** The answer to a handshake of a user whose token is valid. */
async function visit(node: InProcess, user: string): Promise<{ client: RawClient; outcome: string }> {
  const client = await node.connect();
  let answered = false;
  const upgrading = client.upgrade("/ws", node.headers(user), DEADLINE_MS).finally(() => answered = true);
  await until(() => answered || node.judging.length > 0, `the judge of ${user}`);
  for (const one of node.judging.splice(0)) one.accept();
  const { status, body } = await upgrading;
  return { client, outcome: status === 101 ? "101" : `${status} ${JSON.parse(body).error}` };
}

async function redeem(node: InProcess, ticket: string): Promise<string> {
  using client = await node.connect();
  const head = { origin: ORIGIN, "sec-websocket-protocol": MODULE };
  const { status, body } = await client.upgrade(`/ws?ticket=${ticket}`, head, DEADLINE_MS);
  return status === 101 ? "101" : `${status} ${JSON.parse(body).error}`;
}

function identity(user: string): Identity {
  return { user, roles: ["user"], claims: {}, expiresAt: Date.now() + 300_000, issuedAt: Date.now() };
}

async function ticket(node: InProcess, user: string): Promise<string> {
  return (await node.server.tickets.issue(identity(user), ORIGIN))!.ticket;
}

/** Hears a topic on a node. */
class Listener implements Subscriber {
  readonly texts: string[] = [];
  constructor(readonly userId: string) {}
  deliver({ text }: { text: string }): void {
    this.texts.push(text);
  }
}

const publish = (node: InProcess, topic: string, text: string) =>
  node.server.hub.publish(MODULE, topic, new TextEncoder().encode(text));

Deno.test(optional(NEEDS, "a ticket of one node is redeemed once, on any node", () =>
  scene({}, async ({ a, b }) => {
    const one = await ticket(a, "ann");
    const outcomes = await Promise.all([redeem(b, one), redeem(a, one), redeem(b, one), redeem(a, one)]);
    assertEquals(outcomes.sort(), ["101", "401 ticket_invalid", "401 ticket_invalid", "401 ticket_invalid"]);
    assertEquals(await redeem(b, await ticket(a, "bob")), "101");
  })));

Deno.test(
  optional(
    NEEDS,
    "a user has the cap over both nodes, of handshakes judged at once too",
    () =>
      scene({ server: { max_connections_per_user: 6 } }, async (place) => {
        const visits = await Promise.all(
          Array.from({ length: 20 }, async (_, i) => {
            const client = await place.nodes[i % 2]!.connect();
            return { client, answer: client.upgrade("/ws", place.nodes[0]!.headers("ann"), DEADLINE_MS) };
          }),
        );
        await until(() => place.nodes.reduce((sum, { judging }) => sum + judging.length, 0) === 20, "all to be judged");
        for (const { judging } of place.nodes) {
          for (const one of judging.splice(0)) one.accept();
        }
        const answers = await Promise.all(visits.map(({ answer }) => answer));
        assertEquals(answers.filter(({ status }) => status === 101).length, 6);
        assertEquals((await visit(place.nodes[1]!, "bob")).outcome, "101", "another user notices nothing");
        // Their seats are free once they have left.
        for (const { client } of visits) client.close();
        await until(
          () => place.nodes.every(({ server }) => server.registry.countOfUser("ann") === 0),
          "ann to have left",
        );
        const again = await Promise.all(Array.from({ length: 6 }, (_, i) => visit(place.nodes[i % 2]!, "ann")));
        assertEquals(again.map(({ outcome }) => outcome), Array(6).fill("101"));
        for (const { client } of again) client.close();
      }),
  ),
);

Deno.test(
  optional(
    NEEDS,
    "a revocation and a ban on one node end the user's sessions on another",
    () =>
      scene({}, async (place) => {
        const { a, b } = place;
        const [ann, bob, eve] = [await visit(b, "ann"), await visit(b, "bob"), await visit(b, "eve")];
        assertEquals(await a.server.rights.revoke({ sub: "ann" }).shared, true);
        a.server.limits.bans.add("user:bob");
        assertEquals(await ann.client.nextClose(DEADLINE_MS), { code: 4401, reason: "token_revoked" });
        assertEquals(await bob.client.nextClose(DEADLINE_MS), { code: 1008, reason: "banned" });
        assertEquals((await visit(b, "bob")).outcome, "429 banned");
        assert(b.server.registry.countOfUser("eve") === 1, "the neighbour stays");
        // A node that starts later knows both before it listens.
        await using late = await start(place.redis.url);
        assertEquals(
          late.server.revocations.list().map(({ key }) => key),
          ["sub:ann"],
        );
        assert(late.server.limits.bans.banned("user:bob") > 0);
        assertEquals(await late.server.rights.liftBan("user:bob")?.shared, true);
        await until(() => a.server.limits.bans.banned("user:bob") === 0, "the ban to be lifted");
        for (const { client } of [ann, bob, eve]) client.close();
      }),
  ),
);

Deno.test(
  optional(
    NEEDS,
    "a topic reaches both nodes in one order, and presence counts both",
    () =>
      scene({}, async ({ a, b }) => {
        const [ann, bob] = [new Listener("ann"), new Listener("bob")];
        a.server.hub.subscribe(MODULE, "room", ann);
        b.server.hub.subscribe(MODULE, "room", bob);
        // The publishes wait for the subscription of their own node, and the first one for that of the other.
        await b.server.hub.awaited(MODULE, "room");
        for (let i = 0; i < 200; i++) {
          publish(i % 2 === 0 ? a : b, "room", String(i));
        }
        await until(() => ann.texts.length === 200 && bob.texts.length === 200, "all messages");
        assertEquals(ann.texts, bob.texts);
        assertEquals(
          ann.texts.filter((text) => Number(text) % 2 === 0),
          Array.from({ length: 100 }, (_, i) => String(2 * i)),
        );
        await until(async () => (await a.server.hub.presence(MODULE, "room")).length === 2, "both to be present");
      }),
  ),
);

Deno.test(
  optional(
    NEEDS,
    "a subscriber hears what its own node publishes right after, and what another does after the answer",
    () =>
      scene({}, async ({ a, b }) => {
        for (let i = 0; i < 50; i++) {
          const ann = new Listener("ann");
          a.server.hub.subscribe(MODULE, `room:${i}`, ann);
          publish(a, `room:${i}`, "own");
          await a.server.hub.awaited(MODULE, `room:${i}`);
          publish(b, `room:${i}`, "other");
          await until(() => ann.texts.length === 2, "both messages");
          assertEquals(ann.texts.toSorted(), ["other", "own"]);
        }
      }),
  ),
);

Deno.test(
  optional(
    NEEDS,
    "a user that spends on both nodes has one rate",
    () =>
      scene({ limits: { user: { rate: 10, burst: 40 } } }, async (place) => {
        const sessions = place.nodes.map(({ server }) => server.limits.session("192.0.2.1", "ann"));
        const spend = (node: number, count: number) => {
          let passed = 0;
          for (let i = 0; i < count; i++) {
            if (sessions[node]!.message(1) === null) passed++;
          }
          return passed;
        };
        assertEquals([spend(0, 30), spend(1, 10)], [30, 10]);
        await until(() => {
          const wait = place.nodes[1]!.server.limits.session("192.0.2.1", "ann").resend(1, "x", 30);
          return wait > 1_000;
        }, "the spending of the first node to be charged on the second");
      }),
  ),
);

Deno.test(
  optional(
    NEEDS,
    "without Redis a node closes tickets and holds its own cap; with it, all is shared again",
    async () => {
      await using place = await Place.start(2, { server: { max_connections_per_user: 2 } });
      const [a, b] = place.nodes as [InProcess, InProcess];
      const [ann, bob] = [new Listener("ann"), new Listener("bob")];
      a.server.hub.subscribe(MODULE, "room", ann);
      b.server.hub.subscribe(MODULE, "room", bob);
      const one = await ticket(a, "ann");
      const first = await visit(a, "ann");
      await b.server.rights.revoke({ jti: "t-0" }).shared;
      await place.redis.kill();
      await until(() => !isConnected(a.server.cluster.link(), a.server.config), "the node to be disconnected");
      assertEquals(a.server.cutOff, false, "the link is not required");
      assertEquals(await redeem(a, one), "503 cluster_unavailable");
      const others = [await visit(a, "ann"), await visit(a, "ann"), await visit(b, "ann"), await visit(b, "ann")];
      assertEquals(others.map(({ outcome }) => outcome), ["101", "429 too_many_connections", "101", "101"]);
      publish(a, "room", "alone");
      assertEquals([ann.texts, bob.texts], [["alone"], []]);
      assertEquals(await a.server.hub.presence(MODULE, "room"), [{ user: "ann", connections: 1, partial: true }]);
      assertEquals(await a.server.rights.revoke({ jti: "t-1" }).shared, false);
      await place.redis.restart();
      await until(() => place.nodes.every(({ server }) => server.cluster.link().up), "the links", 60_000);
      await until(() => b.server.revocations.list().some(({ key }) => key === "jti:t-1"), "the revocation");
      {
        // Redis came back empty, and was given what the nodes hold.
        await using late = await start(place.redis.url);
        const known = () => late.server.revocations.list().map(({ key }) => key).sort().join();
        await until(() => known() === "jti:t-0,jti:t-1", "a new node to know all");
      }
      publish(a, "room", "together");
      await until(() => bob.texts.includes("together"), "the message");
      assertEquals(await redeem(b, await ticket(a, "bob")), "101");
      // All four seats of ann are held.
      await until(async () => {
        const { client, outcome } = await visit(b, "ann");
        client.close();
        return outcome === "429 too_many_connections";
      }, "the seats to be known");
      for (const { client } of [first, ...others]) client.close();
    },
  ),
);

Deno.test(
  optional(
    NEEDS,
    "a node that requires the link refuses handshakes without it, and before it was ever there",
    async () => {
      const redis = await RedisServer.start();
      await redis.kill();
      {
        await using early = await start(redis.url);
        const refused = await visit(early, "ann");
        assertEquals(refused.outcome, "503 cluster_unavailable", "it has not heard of bans and revocations yet");
        assertEquals(isConnected(early.server.cluster.link(), early.server.config), false);
        await redis.restart();
        await until(() => early.server.cluster.link().up, "the link", 60_000);
        const admitted = await visit(early, "ann");
        assertEquals(admitted.outcome, "101");
        for (const { client } of [refused, admitted]) client.close();
      }
      {
        await using strict = await start(redis.url, { cluster: { required: true } });
        assertEquals(strict.server.cutOff, false);
        await redis.kill();
        await until(() => strict.server.cutOff, "the link to be stale");
        const { client, outcome } = await visit(strict, "ann");
        assertEquals(outcome, "503 cluster_unavailable");
        client.close();
      }
      await redis[Symbol.asyncDispose]();
    },
  ),
);
