/**
 * The server as one value: every part of it, started in order and ended in the reverse one. Nothing of it is at module
 * level, so that a process can hold many.
 */
import {
  compileOrigins,
  createTicketEndpoint,
  createVerifier,
  openRevokedFile,
  type OriginSet,
  type Revocation,
  Revocations,
  type RevokedFile,
  Tickets,
  type Verified,
  type Verifier,
} from "../admission/admission.ts";
import { Descriptors } from "../base/descriptors.ts";
import { type SystemLimits, UNKNOWN_LIMITS } from "../base/system_limits.ts";
import { cellCount, type Config, reloadable } from "../config/config.ts";
import { Polls } from "../event_loop/polls.ts";
import { steadyClock } from "../event_loop/steady_clock.ts";
import { type Front, startFront, type TlsMaterial } from "../front/front.ts";
import { securityHeaders } from "../front/headers.ts";
import type { PageFile } from "../front/page/page.ts";
import { createRoutes, type Routes } from "../front/routes.ts";
import { Hub } from "../hub/hub.ts";
import {
  Limits,
  LoadSampler,
  memoryLimits,
  memoryShare,
  OverloadController,
  reconnectDelays,
  Turns,
} from "../limits/limits.ts";
import { certificateErrors } from "../ops/certificate_findings.ts";
import { CertificateWatch } from "../ops/certificate_watch.ts";
import type { Log } from "../ops/log.ts";
import { Telemetry } from "../ops/telemetry.ts";
import { createTracing, type Tracing } from "../ops/tracing.ts";
import { type CellStarter, type Sandbox, startSandbox } from "../sandbox/sandbox.ts";
import { Deadlines } from "../session/deadlines.ts";
import { Documents } from "../session/documents.ts";
import { Registry } from "../session/registry.ts";
import type { SessionServices } from "../session/services.ts";
import type { Session } from "../session/session.ts";
import { openStore, type Store } from "../store/store.ts";
import { requireDescriptors, roomFor } from "./system.ts";
import { ServerGate } from "./gate.ts";
import { limitSettings } from "./limit_settings.ts";
import type { Parts } from "./parts.ts";
import { readTls, watchTls } from "./tls_files.ts";

/** A deadline of a session is met within this time. */
const DEADLINE_SLOT_MS = 250;
const TICK_MS = 1_000;
/** Memory of a process of ours that does nothing, without what all of them share. */
const EMPTY_PROCESS_BYTES = 24 * 1024 * 1024;
/** Sessions asked about between two looks at the sockets. */
const SESSIONS_A_TURN = 500;
const CERTIFICATE_CHECK_MS = 3_600_000;
/** Clients that are told to come back are spread over at least this time; see `reconnectDelays`. */
const MIN_RECONNECT_SPREAD_MS = 5_000;

export interface ServerOptions {
  readonly config: Config;
  readonly log: Log;
  /** Development: serves `page` at `/`, takes up changed handler modules. */
  readonly dev?: boolean;
  /** The development page by path. */
  readonly page?: ReadonlyMap<string, PageFile>;
  readonly tracing?: boolean;
  /** Starts the processes of the handler modules. */
  readonly cells: CellStarter;
  /** What runs the handlers; the sandbox unless a measurement puts something else in its place. */
  readonly startSandbox?: typeof startSandbox;
  /** What the system lets this service use. */
  readonly systemLimits?: SystemLimits;
}

/** A reload that was refused; the running server stays as it was. */
export class ReloadError extends Error {
  override readonly name = "ReloadError";
}

/** A running server. Made by {@linkcode startServer}. */
export class Server implements Parts {
  readonly log: Log;
  readonly telemetry = new Telemetry();
  readonly tracing: Tracing;
  readonly registry = new Registry<Session>();
  readonly hub = new Hub();
  readonly certificate: CertificateWatch;
  readonly descriptors: Descriptors;
  readonly monotonic = () => performance.now();
  readonly now = () => Date.now();
  /** Milliseconds since the epoch, by a clock that nobody sets: for how long bans and records last. */
  readonly steady = steadyClock();
  readonly store: Store;
  readonly limits: Limits;
  readonly overload: OverloadController;
  readonly revocations: Revocations;
  readonly tickets: Tickets;
  readonly services: SessionServices;
  config: Config;
  origins: OriginSet;
  draining = false;
  verifier!: Verifier;
  routes!: Routes;
  readonly #options: ServerOptions;
  readonly #deadlines: Deadlines;
  readonly #polls = new Polls();
  readonly #timers: ReturnType<typeof setInterval>[] = [];
  #listening = false;
  #tls: TlsMaterial | undefined;
  #unwatchTls = () => {};
  #tlsProblem: string | null = null;
  #sandbox!: Sandbox;
  #front!: Front;
  #sampler: LoadSampler | undefined;
  #revokedFile: RevokedFile | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: ServerOptions) {
    const { config, log } = options;
    this.#options = options;
    this.config = config;
    this.log = log;
    this.tracing = createTracing(options.tracing ?? false);
    this.origins = compileOrigins(config.admission.origins);
    this.certificate = new CertificateWatch(log, this.now);
    this.descriptors = new Descriptors({ log, now: this.monotonic });
    this.store = openStore(config.store, { log, now: this.steady });
    this.limits = new Limits(limitSettings(config), {
      log,
      telemetry: this.telemetry,
      store: this.store,
      now: this.steady,
      monotonic: this.monotonic,
      table: { capacity: Math.max(100_000, config.server.max_connections) },
    });
    this.limits.bans.onAdded = (key) => this.#closeBanned(key);
    this.overload = new OverloadController({
      enabled: config.limits.adaptive,
      log,
      onChange: ({ shrink }) => this.limits.shrink = shrink,
    });
    const { max_age, clock_skew } = config.auth;
    this.revocations = new Revocations(this.store, {
      log,
      now: this.now,
      steady: this.steady,
      retentionMs: max_age + 2 * clock_skew,
    });
    this.revocations.onChange((revocation) => {
      if (revocation === null) void this.#closeRevokedInTurns();
      else this.#closeRevoked(this.#sessionsOf(revocation));
    });
    this.tickets = new Tickets(this.store, {
      now: this.now,
      steady: this.steady,
      isRevoked: (identity) => this.revocations.isRevoked(identity),
    });
    this.#deadlines = new Deadlines(DEADLINE_SLOT_MS, this.monotonic());
    this.services = this.#sessionServices();
  }

  get modules(): Sandbox["modules"] {
    return this.#sandbox.modules;
  }

  /** Whether new connections are accepted. */
  get listening(): boolean {
    return this.#listening;
  }

  /** Whether a connection made now is accepted. */
  accepts(): Promise<boolean> {
    return this.#listening ? this.#front.accepts() : Promise.resolve(false);
  }

  /** Whether the cells answer; that this is answered at all shows that the event loop turns. */
  responsive(): boolean {
    return [...this.modules.values()].every((module) => module.ready);
  }

  /** The address clients connect to. */
  get url(): string {
    const { tls, server } = this.config;
    if (server.unix !== undefined) return `unix:${server.unix}`;
    const host = server.host.includes(":") ? `[${server.host}]` : server.host;
    return `${tls ? "wss" : "ws"}://${host}:${this.#front.port}${server.path}`;
  }

  /**
   * Opens keys, cells and listener.
   * @throws {Error} When one of them can't be; what was opened before it is closed again.
   */
  async start(): Promise<void> {
    try {
      requireDescriptors();
      this.verifier = await this.#openVerifier(this.config);
      if (this.config.auth.revoked_file !== undefined) {
        this.#revokedFile = await openRevokedFile(this.config.auth.revoked_file, this.revocations, this);
        this.#revokedFile.apply();
      }
      this.#sandbox = await (this.#options.startSandbox ?? startSandbox)(this.config.handlers, {
        log: this.log,
        telemetry: this.telemetry,
        now: this.monotonic,
        cells: this.#options.cells,
        maxBytes: this.config.messages.max_bytes,
        publish: (module, topic, message) => this.hub.publish(module, topic, message),
        watch: this.#options.dev ?? false,
      });
      const gate = new ServerGate(this);
      this.routes = this.#makeRoutes(gate);
      const tls = await readTls(this.config);
      if (tls) this.#useTls(tls);
      await this.#polls.open().catch((error) => this.log.warn("internal", { error: String(error) }));
      this.#front = await startFront(this.config, gate, {
        log: this.log,
        telemetry: this.telemetry,
        now: this.monotonic,
        afterInput: this.#polls.after,
        ...roomFor(this.config, {
          descriptors: this.descriptors,
          limits: this.#options.systemLimits ?? UNKNOWN_LIMITS,
          log: this.log,
        }),
        descriptors: this.descriptors,
        ...(tls ? { tls } : {}),
      });
      this.descriptors.start();
      this.#listening = true;
      this.#unwatchTls = watchTls(this.config, () => this.#tlsChanged());
      this.#startTimers();
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /**
   * Takes over what of `next` can change on a running server: certificates, keys, origins, limits, revocations, log level.
   * All or nothing.
   * @throws {ReloadError} When it needs a restart, or something it names can't be used; nothing has changed then.
   */
  async reload(next: Config): Promise<void> {
    const { live, restart } = reloadable(this.config, next);
    if (restart.length > 0) throw new ReloadError(`${restart.join(", ")}: needs a restart`);
    const tls = await readTls(next);
    const verifier = await this.#openVerifier(next, this.verifier);
    let revokedFile: RevokedFile | undefined;
    try {
      if (next.auth.revoked_file !== undefined) {
        revokedFile = await openRevokedFile(next.auth.revoked_file, this.revocations, this);
      }
      await this.#replaceTls(tls);
    } catch (error) {
      verifier.close();
      revokedFile?.close();
      throw error;
    }
    this.verifier.close();
    this.#revokedFile?.close();
    this.verifier = verifier;
    this.#revokedFile = revokedFile;
    if (revokedFile) revokedFile.apply();
    else this.revocations.clearFile();
    this.config = next;
    this.origins = compileOrigins(next.admission.origins);
    this.limits.reconfigure(limitSettings(next));
    this.overload.enable(next.limits.adaptive, this.monotonic());
    // Whoever asked gets an answer, whatever level is left or taken up.
    this.log.level = "info";
    this.log.info("config.reloaded", { changed: live });
    this.log.level = next.log.level;
    this.#unwatchTls();
    this.#unwatchTls = watchTls(next, () => this.#tlsChanged());
  }

  /**
   * Remembers a revocation until `expiresAt` (milliseconds since the epoch), and closes what it hits.
   * @returns how many connections that were
   */
  revoke(revocation: Revocation, expiresAt?: number): number {
    const open = this.#sessionsOf(revocation).filter(({ ending }) => !ending);
    const what = "sub" in revocation ? { ...revocation, issuedUntil: this.#lastIssue(open) } : revocation;
    // The issuer's clock, by which the operator may have read the end of a token, may differ from this one.
    this.revocations.add(what, expiresAt === undefined ? undefined : expiresAt + this.config.auth.clock_skew);
    return open.filter(({ identity }) => this.revocations.isRevoked(identity)).length;
  }

  /** No new handshakes; clients are told when to come back, what is in flight is answered, then 1001. */
  async drain(): Promise<void> {
    if (this.draining) return;
    this.draining = true;
    this.#listening = false;
    const { drain_timeout } = this.config.server;
    const started = this.monotonic();
    // Another process has the port too: it gets all new connections from here on. Alone, this one answers them with 503.
    if (this.config.server.reuse_port) await this.#front.stopAccepting();
    this.log.info("drain.started", { connections: this.registry.size });
    const least = Math.max(MIN_RECONNECT_SPREAD_MS, drain_timeout);
    const delays = reconnectDelays(this.registry.all(), this.config.limits, least, Math.random);
    for (const [session, delay] of delays) session.drain(delay);
    // The last part of the time is for the closing handshakes.
    if (!await this.#emptied(drain_timeout * 0.8)) {
      for (const session of this.registry.all()) session.end(1001, "draining");
      if (!await this.#emptied(drain_timeout * 0.15)) {
        for (const session of this.registry.all()) session.terminate();
      }
    }
    this.log.info("drain.finished", {
      connections: this.registry.size,
      duration_ms: Math.round(this.monotonic() - started),
    });
  }

  /** Ends everything at once, in the reverse order of the start. */
  close(): Promise<void> {
    return this.#closed ??= this.#close();
  }

  async #close(): Promise<void> {
    this.#listening = false;
    this.#unwatchTls();
    for (const timer of this.#timers) clearInterval(timer);
    this.#sampler?.stop();
    await this.#front?.close();
    this.#polls.close();
    await this.#sandbox?.close();
    this.#revokedFile?.close();
    this.verifier?.close();
    this.store.close();
    this.descriptors.stop();
  }

  /** New connections get `tls`, if it is another than before; throws, and the old one stays, when it can't be used. */
  async #replaceTls(tls: TlsMaterial | null): Promise<void> {
    if (!tls || (tls.cert === this.#tls?.cert && tls.key === this.#tls.key)) return;
    const problems = certificateErrors({ ...tls, now: this.now() });
    if (problems.length > 0) throw new ReloadError(problems.join("; "));
    await this.#front.reloadTls(tls);
    this.#useTls(tls);
    this.log.info("tls.reloaded", { expires_in_s: this.certificate.secondsLeft() });
  }

  /** Takes up what the files have now. Whether that is in use, or never can be; what stands in its way is logged once. */
  async #tlsChanged(): Promise<boolean> {
    try {
      await this.#replaceTls(await readTls(this.config));
      this.#tlsProblem = null;
      return true;
    } catch (error) {
      const problem = `tls: ${error instanceof Error ? error.message : String(error)}`;
      if (problem !== this.#tlsProblem) this.log.error("config.rejected", { problems: [problem] });
      this.#tlsProblem = problem;
      return this.config.server.engine === "serve";
    }
  }

  #useTls(tls: TlsMaterial): void {
    this.#tls = tls;
    this.certificate.use(tls.cert);
  }

  /** Those that a revocation may concern. */
  #sessionsOf(revocation: Revocation): Session[] {
    return "sub" in revocation ? this.registry.ofUser(revocation.sub) : this.registry.all();
  }

  /** Now, or the latest issue of the sessions' tokens: an issuer's clock may be ahead, and these were issued already. */
  #lastIssue(sessions: readonly Session[]): number {
    return sessions.reduce((latest, { identity }) => Math.max(latest, identity.issuedAt), this.now());
  }

  #closeRevoked(sessions: readonly Session[]): void {
    for (const session of sessions) {
      if (!session.ending && this.revocations.isRevoked(session.identity)) session.end(4401, "token_revoked");
    }
  }

  /** Asks about every session once, a part of them at a time. */
  async #closeRevokedInTurns(): Promise<void> {
    const sessions = this.registry.all();
    for (let at = 0; at < sessions.length; at += SESSIONS_A_TURN) {
      this.#closeRevoked(sessions.slice(at, at + SESSIONS_A_TURN));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  /** Whether all sessions ended within `milliseconds`. */
  async #emptied(milliseconds: number): Promise<boolean> {
    const deadline = this.monotonic() + milliseconds;
    while (this.registry.size > 0) {
      if (this.monotonic() >= deadline) return false;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return true;
  }

  /** The keys of an issuer that is down outlast a reload: they are handed on from the verifier before. */
  #openVerifier({ auth }: Config, previous?: Verifier): Promise<Verifier> {
    return createVerifier(auth, {
      ...(previous ? { previous } : {}),
      log: this.log,
      now: this.now,
      steady: this.steady,
      isRevoked: (identity) => this.revocations.isRevoked(identity),
    });
  }

  /** Bytes of the other processes: each cell's beyond that of an empty one, and what empty ones and the supervisor take. */
  #cellMemory(): number {
    const cells = this.config.handlers.reduce((sum, one) => sum + cellCount(one, navigator.hardwareConcurrency), 0);
    const used = [...this.telemetry.cellMemory.values()].reduce((sum, memory) => sum + memory(), 0);
    return used + (cells + 1) * EMPTY_PROCESS_BYTES;
  }

  #sessionServices(): SessionServices {
    // A getter, since a reload replaces the configuration.
    const current = () => this.config;
    return {
      get config() {
        return current();
      },
      log: this.log,
      telemetry: this.telemetry,
      tracing: this.tracing,
      limits: this.limits,
      turns: new Turns(this.#polls.after),
      hub: this.hub,
      registry: this.registry,
      deadlines: this.#deadlines,
      documents: new Documents(),
      now: this.now,
      monotonic: this.monotonic,
      verify: (token: string): Promise<Verified> => this.verifier.verify(token),
    };
  }

  #makeRoutes(gate: ServerGate): Routes {
    const issue = (config: Config, origins: OriginSet) =>
      createTicketEndpoint({
        config,
        origins,
        tickets: this.tickets,
        verify: (token) => this.verifier.verify(token),
        ...gate.toll,
        takePreflight: (ip) => this.limits.preflight(ip),
        takeTicket: (user) => this.limits.ticket(user),
        refused: (handshake, peer, refusal) => gate.refused(handshake, peer, refusal),
        headers: securityHeaders(config),
      });
    const { page } = this.#options;
    return createRoutes({
      config: this.config,
      ...(page ? { page } : {}),
      ticket: (request, peer) => issue(this.config, this.origins)(request, peer),
      failed: (error) => this.log.error("route.failed", { error: String(error) }),
      refused: (handshake, peer, refusal) => gate.refused(handshake, peer, refusal),
    });
  }

  /** Closes the sessions of a banned user. A ban of an address closes none: others may have the address too. */
  #closeBanned(key: string): void {
    if (!key.startsWith("user:")) return;
    for (const session of this.registry.ofUser(key.slice("user:".length))) session.end(1008, "banned");
  }

  #startTimers(): void {
    const every = (milliseconds: number, action: () => void) => {
      this.#timers.push(setInterval(action, milliseconds));
    };
    every(DEADLINE_SLOT_MS, () => this.#deadlines.advance(this.monotonic()));
    every(TICK_MS, () => {
      this.limits.tick();
      this.store.purge();
    });
    every(CERTIFICATE_CHECK_MS, () => this.certificate.check());
    const memory = memoryLimits(this.#options.systemLimits ?? UNKNOWN_LIMITS, () => this.#cellMemory());
    this.#sampler = new LoadSampler({
      onSample: (load, now) => this.overload.sample(load, now),
      queueDepth: () => Math.max(0, ...[...this.modules.values()].map((module) => module.queueDepth)),
      memory: () => memoryShare(memory),
    });
    this.#sampler.start();
    for (const subprotocol of this.modules.keys()) this.telemetry.handlerModule(subprotocol);
    this.telemetry.gauge("connections", () => this.registry.size);
    this.telemetry.gauge("sendQueueBytes", () => this.registry.all().reduce((sum, { queued }) => sum + queued, 0));
    this.telemetry.gauge("certificateExpirySeconds", () => this.certificate.secondsLeft());
  }
}

/**
 * Starts a server and resolves once it listens.
 * @throws {Error} When keys, handlers, certificate or listener can't be used.
 */
export async function startServer(options: ServerOptions): Promise<Server> {
  const server = new Server(options);
  await server.start();
  return server;
}
