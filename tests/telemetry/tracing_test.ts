import { createTracing, tracingEnabled } from "../../lib/telemetry/tracing.ts";
import { assertEquals, assertRejects } from "../assert.ts";

/** Spans as OTLP has them in JSON. */
interface Traces {
  readonly resourceSpans: readonly { readonly scopeSpans: readonly { readonly spans: readonly Span[] }[] }[];
}

interface Span {
  readonly name: string;
  readonly status: { readonly code: number; readonly message?: string };
  /** A value is an object with one member, which is named by its type. */
  readonly attributes: readonly { readonly key: string; readonly value: Record<string, unknown> }[];
}

/** The status code of a span that failed. */
const ERROR = 2;

Deno.test("createTracing(false) runs the handshake and nothing else", async () => {
  const tracing = createTracing(false);
  const outcome = { accepted: true };
  assertEquals(await tracing.handshake("192.0.2.1", () => Promise.resolve(outcome)), outcome);
  assertEquals(tracing.call("a", "chat.v1"), tracing.call("b", "chat.v1"), "no span, no closure");
});

Deno.test("createTracing(true) passes results and errors on, without an exporter too", async () => {
  const tracing = createTracing(true);
  const refused = { accepted: false, status: 403, reason: "origin_not_allowed" };
  assertEquals(await tracing.handshake("192.0.2.1", () => Promise.resolve(refused)), refused);
  await assertRejects(() => tracing.handshake("192.0.2.1", () => Promise.reject(new Error("boom"))), Error, "boom");
  tracing.call("chat.send", "chat.v1")("timeout");
});

Deno.test("tracingEnabled() follows OTEL_DENO", () => {
  assertEquals(["true", "1", "false", "", undefined].map((value) => tracingEnabled(() => value)), [
    true,
    true,
    false,
    false,
    false,
  ]);
});

Deno.test("createTracing(true) exports handshake and call spans when Deno does", async () => {
  const posts: unknown[] = [];
  const arrived = Promise.withResolvers<void>();
  const collector = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async (request) => {
    const body = await request.json();
    if (new URL(request.url).pathname === "/v1/traces") {
      posts.push(body);
      arrived.resolve();
    }
    return new Response("{}", { headers: { "content-type": "application/json" } });
  });
  const url = new URL("../../lib/telemetry/tracing.ts", import.meta.url).href;
  const program = `import { createTracing, tracingEnabled } from ${JSON.stringify(url)};
    const tracing = createTracing(tracingEnabled((name) => Deno.env.get(name)));
    await tracing.handshake("192.0.2.1", () => Promise.resolve({ accepted: false, status: 403, reason: "origin_missing" }));
    await tracing.handshake("192.0.2.1", () => Promise.resolve({ accepted: true }));
    await tracing.handshake("192.0.2.1", () => Promise.reject(new Error("boom"))).catch(() => {});
    for (const result of ["ok", "timeout", "internal"]) tracing.call("chat.send", "chat.v1")(result);`;
  const directory = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${directory}/trace.ts`, program);
    const config = new URL("../../deno.json", import.meta.url).pathname;
    const output = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", "--no-check", "--config", config, "--allow-env", `${directory}/trace.ts`],
      env: {
        NO_COLOR: "1",
        OTEL_DENO: "true",
        OTEL_DENO_CONSOLE: "ignore",
        OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
        OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.addr.port}`,
      },
    }).output();
    assertEquals(output.code, 0, new TextDecoder().decode(output.stderr));
    await arrived.promise;
  } finally {
    await collector.shutdown();
    await Deno.remove(directory, { recursive: true });
  }
  const text = JSON.stringify(posts);
  const spans = (posts as Traces[]).flatMap((post) => post.resourceSpans).flatMap((one) => one.scopeSpans)
    .flatMap((one) => one.spans).map(({ name, status, attributes }) => {
      const of = (key: string) => Object.values(attributes.find((one) => one.key === key)?.value ?? {})[0];
      const outcome = of("sallyport.result") ?? of("http.response.status_code");
      return `${name} ${outcome} ${status.code === ERROR ? status.message : "without error"}`;
    });
  assertEquals(spans.sort(), [
    "call internal internal",
    "call ok without error",
    "call timeout timeout",
    "handshake 101 without error",
    "handshake 403 without error",
    "handshake undefined internal",
  ]);
  for (const value of ["origin_missing", "chat.send", "chat.v1", "192.0.2.1"]) {
    assertEquals(text.includes(value), true, value);
  }
});
