/**
 * The real server within the test's own process, without TLS, with the test in the place of the token verifier and of the
 * cells: what can happen between two steps of the server can so be made to happen.
 */
import { join } from "node:path";
import { loadConfig } from "../../lib/config/config.ts";
import type { Verified } from "../../lib/gate/gate.ts";
import { createLog } from "../../lib/log/log.ts";
import type { HandlerModule, HandlerSettings, Sandbox } from "../../lib/sandbox/sandbox.ts";
import { type Server, startServer } from "../../lib/server/server.ts";
import { makeCertificate } from "../../lib/tls/certificate.ts";
import { ORIGIN, type ServerOptions, writeConfig } from "../helpers/test_server.ts";
import { RawClient } from "../helpers/raw_client.ts";

/** A verification that the test has not answered yet. */
export interface Judging {
  /** The token as sent; the user of the same name is what {@linkcode Judging.accept} makes of it. */
  readonly token: string;
  accept(): void;
  answer(verified: Verified): void;
  fail(error: Error): void;
}

export class InProcess implements AsyncDisposable {
  readonly judging: Judging[] = [];

  private constructor(readonly server: Server, readonly lines: Record<string, unknown>[], readonly dir: string) {}

  static async start(options: Pick<ServerOptions, "engine" | "config" | "files"> = {}): Promise<InProcess> {
    const dir = await Deno.makeTempDir({ prefix: "sallyport-" });
    const { cert, key } = await certificate;
    const { server: section, ...others } = options.config ?? {};
    const engine = options.engine ?? "edge";
    await writeConfig(
      dir,
      {
        engine,
        ...(options.files === undefined ? {} : { files: options.files }),
        config: { server: { host: "127.0.0.1", port: 0, engine, ...section }, tls: undefined, ...others },
      },
      cert,
      key,
    );
    const lines: Record<string, unknown>[] = [];
    const server = await startServer({
      config: loadConfig({ path: join(dir, "sallyport.toml"), env: () => undefined }),
      log: createLog({ level: "debug", format: "json", write: (line) => lines.push(JSON.parse(line)) }),
      cells: {
        socketPath: "",
        start: () => {
          throw new Error("No cell is needed");
        },
      },
      startSandbox: withoutCells,
    });
    const made = new InProcess(server, lines, dir);
    server.verifier.close();
    server.verifier = {
      source: server.verifier.source,
      keyCount: 1,
      verify: (token) => new Promise((resolve, reject) => made.judging.push(judging(token, resolve, reject))),
      reload: () => Promise.resolve(),
      close() {},
    };
    return made;
  }

  connect(): Promise<RawClient> {
    return RawClient.connect({ port: Number(new URL(this.server.url).port) });
  }

  /** The header fields of a handshake with that token. */
  headers(token: string): Record<string, string> {
    return { origin: ORIGIN, authorization: `Bearer ${token}`, "sec-websocket-protocol": "echo.v1" };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close();
    await Deno.remove(this.dir, { recursive: true });
  }
}

const certificate = makeCertificate({ hosts: ["localhost"] });

function judging(token: string, answer: (verified: Verified) => void, fail: (error: Error) => void): Judging {
  const now = Date.now();
  const identity = { user: token, roles: ["user"], claims: {}, expiresAt: now + 300_000, issuedAt: now };
  return { token, answer, fail, accept: () => answer({ ok: true, identity }) };
}

/** Modules that answer nothing: the server's own methods are all that is asked for. */
function withoutCells(handlers: readonly HandlerSettings[]): Promise<Sandbox> {
  const modules = handlers.map(({ subprotocol }): [string, HandlerModule] => [subprotocol, {
    subprotocol,
    contract: { kind: "rpc", binary: false, methods: new Map(), topics: new Map() },
    ready: true,
    queueDepth: 0,
    topicOf: () => undefined,
    publish: () => Promise.resolve({ refused: "unknown_topic" }),
    attach: () => ({
      call: (_method, _message, call) => call.reject(-32603),
      message: (_data, call) => call.reject(-32603),
      allow: (_topic, _asked, call) => call.reject(-32603),
      publish: (_topic, _request, call) => call.reject(-32603),
      identity() {},
      close() {},
    }),
  }]);
  return Promise.resolve({ modules: new Map(modules), close: () => Promise.resolve() });
}
