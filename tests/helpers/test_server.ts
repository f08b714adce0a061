/**
 * Starts the real server as its own process, with the permissions it has in production, on a free port, with a
 * certificate and keys made for the test.
 */
import { join, resolve } from "node:path";
import jwt from "jsonwebtoken";
import { stringify } from "@std/toml";
import { generateKeyPairSync } from "node:crypto";
import { makeCertificate } from "../../lib/tls/certificate.ts";
import { readProject, ROOT, serverFlags } from "../../tools/project.ts";

/** A line of the log. */
export type LogLine = { event: string; level: string; time: string } & Record<string, unknown>;
type Table = Record<string, unknown>;

/** Configuration, modules and surroundings of the process. */
export interface ServerOptions {
  readonly engine?: "edge" | "serve";
  /** Merged into the test configuration, section by section; `undefined` removes a key. */
  readonly config?: Record<string, Table | undefined>;
  /** Instead of the chat and echo examples. Paths may be relative to the repository. */
  readonly handlers?: readonly Table[];
  readonly env?: Record<string, string>;
  /** The most file descriptors the process may have; by default what the test has. */
  readonly descriptors?: number;
  /** Files to write beside the configuration before the start. */
  readonly files?: Record<string, string>;
  /** Removed when the server stops, unless the caller brings one: two servers can then share it. */
  readonly dir?: string;
}

/** Changes of a token that is right by default. */
export interface TokenOptions {
  readonly roles?: readonly string[];
  /** Seconds. */
  readonly ttl?: number;
  readonly claims?: Table;
}

/** The allowed origin. */
export const ORIGIN = "https://app.example.com";
const START_DEADLINE_MS = 60_000;
/** Late enough to count as a second signal. */
const SECOND_SIGNAL_MS = 300;

/** The keys of one test run: made once, since nothing in them is the server's. */
const keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
const PRIVATE_PEM = keys.privateKey.export({ type: "pkcs8", format: "pem" }) as string;
const PUBLIC_PEM = keys.publicKey.export({ type: "spki", format: "pem" }) as string;
const certificate = makeCertificate({ hosts: ["localhost", "127.0.0.1", "::1"] });

/** Signs a token as the issuer would, with another library than the server's. */
export function signToken(sub: string, { roles = ["user"], ttl = 300, claims = {} }: TokenOptions = {}): string {
  const now = Math.floor(Date.now() / 1000);
  const payload = { iss: "https://id.example.com", aud: "sallyport", sub, roles, iat: now, exp: now + ttl, ...claims };
  return jwt.sign(payload, PRIVATE_PEM, { algorithm: "ES256" });
}

/** A running server; its end stops the process and removes its folder. */
export class TestServer implements AsyncDisposable {
  readonly log: LogLine[] = [];
  /** Whatever came on stderr, and lines of stdout that are no JSON. */
  readonly noise: string[] = [];
  readonly origin = ORIGIN;
  readonly #process: Deno.ChildProcess;
  readonly #readers: Promise<unknown>[];
  readonly #ownsDir: boolean;
  #watchers: (() => void)[] = [];

  constructor(process: Deno.ChildProcess, readonly dir: string, readonly caPem: string, ownsDir: boolean) {
    this.#process = process;
    this.#ownsDir = ownsDir;
    this.#readers = [
      this.#read(process.stdout, (line) => {
        try {
          this.log.push(JSON.parse(line));
        } catch {
          this.noise.push(line);
        }
      }),
      this.#read(process.stderr, (line) => this.noise.push(line)),
    ];
  }

  /** Of the supervisor. */
  get pid(): number {
    return this.#process.pid;
  }

  /** Process id of the front that runs now. */
  async frontPid(): Promise<number> {
    const [pid] = await this.#pidsOf("front");
    if (pid === undefined) throw new Error("No front runs");
    return pid;
  }

  /** Process ids of the cells that run now, in the order of their start. */
  cellPids(): Promise<number[]> {
    return this.#pidsOf("cell");
  }

  async #pidsOf(role: string): Promise<number[]> {
    const { stdout } = await new Deno.Command("ps", { args: ["-o", "pid=,args=", "--ppid", String(this.pid)] })
      .output();
    const lines = new TextDecoder().decode(stdout).split("\n").map((line) => line.trim().split(/\s+/));
    return lines.filter((words) => words.includes(role)).map(([pid]) => Number(pid)).sort((a, b) => a - b);
  }

  /** `wss://localhost:PORT/ws`, as the server printed it. */
  get url(): string {
    return String(this.log.find(({ event }) => event === "listening")?.url);
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  get opsUrl(): string {
    // Of several fronts, one has it.
    return String(this.log.find(({ event, ops_url }) => event === "listening" && ops_url !== null)?.ops_url ?? null);
  }

  get caFile(): string {
    return join(this.dir, "server.crt");
  }

  get configFile(): string {
    return join(this.dir, "sallyport.toml");
  }

  token(sub: string, options?: TokenOptions): string {
    return signToken(sub, options);
  }

  /** The first line of that event that `accept` takes, now or within the deadline. */
  async logged(event: string, accept: (line: LogLine) => boolean = () => true, deadlineMs = 20_000): Promise<LogLine> {
    const deadline = Date.now() + deadlineMs;
    for (;;) {
      const line = this.log.find((line) => line.event === event && accept(line));
      if (line) return line;
      const left = deadline - Date.now();
      if (left <= 0) {
        throw new Error(
          `No ${event} in the log:\n${this.log.map((l) => JSON.stringify(l)).join("\n")}\n${this.noise.join("\n")}`,
        );
      }
      await this.#nextLine(left);
    }
  }

  signal(signal: Deno.Signal): void {
    this.#process.kill(signal);
  }

  /** The exit status, however the process ends. */
  async exited(): Promise<Deno.CommandStatus> {
    const status = await this.#process.status;
    await Promise.all(this.#readers);
    return status;
  }

  async stop(): Promise<Deno.CommandStatus> {
    const interrupt = () => {
      try {
        this.#process.kill("SIGINT");
      } catch {
        // has ended already
      }
    };
    interrupt();
    const second = setTimeout(interrupt, SECOND_SIGNAL_MS); // does not wait for the drain
    const status = await this.exited();
    clearTimeout(second);
    if (this.#ownsDir) await Deno.remove(this.dir, { recursive: true });
    return status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #read(stream: ReadableStream<Uint8Array>, take: (line: string) => void): Promise<void> {
    let rest = "";
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) take(line);
      for (const wake of this.#watchers.splice(0)) wake();
    }
    if (rest) take(rest);
    for (const wake of this.#watchers.splice(0)) wake();
  }

  #nextLine(withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, withinMs);
      this.#watchers.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}

/**
 * Starts a server and waits until it listens.
 * @throws {Error} With its output, when it ends instead.
 */
export async function startServer(options: ServerOptions = {}): Promise<TestServer> {
  const dir = options.dir ?? await Deno.makeTempDir({ prefix: "sallyport-" });
  await writeConfigFor(dir, options);
  const [command, ...before] = limited(await program(), options.descriptors);
  const process = new Deno.Command(command!, {
    args: [...before, "serve", "--config", join(dir, "sallyport.toml")],
    cwd: ROOT,
    env: { DENO: Deno.execPath(), ...options.env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const server = new TestServer(process, dir, (await certificate).cert, options.dir === undefined);
  const failed = server.exited().then(({ code }) => {
    throw new Error(`The server ended with ${code}:\n${server.noise.join("\n")}\n${JSON.stringify(server.log)}`);
  });
  failed.catch(() => {});
  try {
    await Promise.race([server.logged("listening", () => true, START_DEADLINE_MS), failed]);
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

/** How the server is run: from source, or whatever `SALLYPORT_PROGRAM` names, such as a bundle's `run`. */
export async function program(): Promise<string[]> {
  const other = Deno.env.get("SALLYPORT_PROGRAM");
  if (other !== undefined) return [resolve(ROOT, other)];
  return [Deno.execPath(), "run", ...serverFlags(await readProject()), join(ROOT, "main.ts")];
}

/** The same program with at most so many descriptors, soft and hard. */
function limited(program: readonly string[], descriptors?: number): readonly string[] {
  if (descriptors === undefined) return program;
  return ["sh", "-c", `ulimit -n ${descriptors} && exec "$0" "$@"`, ...program];
}

/** Writes a complete configuration folder, keys included; `serve` and `check` in `dir` start with it. */
export async function writeConfigFor(dir: string, options: ServerOptions): Promise<void> {
  const { cert, key } = await certificate;
  await writeConfig(dir, options, cert, key);
}

/** The same, with a certificate. */
export async function writeConfig(dir: string, options: ServerOptions, cert: string, key: string): Promise<void> {
  const defaults: Record<string, Table> = {
    server: { host: "localhost", port: 0, engine: options.engine ?? "edge" },
    tls: { cert_file: "server.crt", key_file: "server.key" },
    admission: { origins: [ORIGIN] },
    auth: {
      algorithms: ["ES256"],
      public_key_file: "es256.pub.pem",
      issuer: "https://id.example.com",
      audience: "sallyport",
    },
    // A busy test machine is no overload.
    limits: {
      handshake: { rate: 10_000, burst: 10_000 },
      handshake_user: { rate: 10_000, burst: 10_000 },
      adaptive: false,
    },
    log: { level: "debug" },
  };
  const config: Record<string, unknown> = { ...defaults };
  for (const [section, table] of Object.entries(options.config ?? {})) {
    if (table === undefined) delete config[section];
    else config[section] = withoutUndefined({ ...defaults[section], ...table });
  }
  config.handlers = (options.handlers ?? [
    { subprotocol: "chat.v1", module: "examples/chat/chat.ts", cells: 1 },
    { subprotocol: "echo.v1", module: "examples/echo/echo.ts", cells: 1 },
    { subprotocol: "echo.raw.v1", module: "examples/echo/raw.ts", cells: 1 },
  ]).map((handler) => ({ ...handler, module: resolveModule(String(handler.module)) }));
  const write = (name: string, text: string, mode = 0o600) => Deno.writeTextFile(join(dir, name), text, { mode });
  await write("server.crt", cert);
  await write("server.key", key);
  await write("es256.pub.pem", PUBLIC_PEM);
  for (const [name, text] of Object.entries(options.files ?? {})) await write(name, text);
  await write("sallyport.toml", stringify(config));
}

function resolveModule(path: string): string {
  return path.startsWith("/") || path.startsWith("file:") ? path : join(ROOT, path);
}

function withoutUndefined(table: Table): Table {
  return Object.fromEntries(Object.entries(table).filter(([, value]) => value !== undefined));
}
