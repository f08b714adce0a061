/**
 * The server as one value: its parts are started in order and ended in reverse order. There is no state at module
 * level, so a process can run several servers.
 */
import {
  compileOrigins,
  type OriginSet,
  Revocations,
  type RevokedFile,
  Tickets,
  type Verifier,
} from "../admission/admission.ts";
import { Descriptors } from "../base/descriptors.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { UNKNOWN_LIMITS } from "../base/system_limits.ts";
import { type Config, coresOfFront, reloadable } from "../config/config.ts";
import { Polls } from "../timing/polls.ts";
import { steadyClock } from "../timing/steady_clock.ts";
import type { Front } from "../front/front.ts";
import type { Routes } from "../front/http/routes.ts";
import { Hub, hubLimits } from "../hub/hub.ts";
import { Limits, OverloadController, SpendingLedger, Turns } from "../limits/limits.ts";
import { CertificateWatch } from "../tls/certificate_watch.ts";
import type { Log } from "../log/log.ts";
import { Telemetry } from "../telemetry/telemetry.ts";
import { createTracing, type Tracing } from "../telemetry/tracing.ts";
import { type Sandbox, startSandbox } from "../sandbox/sandbox.ts";
import { TimingWheel } from "../timing/timing_wheel.ts";
import { Registry, type Session, type SessionServices } from "../session/session.ts";
import { openStore, type Store } from "../store/store.ts";
import { drainSessions } from "./drain_sessions.ts";
import { ServerGate } from "./gate.ts";
import { httpRoutes } from "./http_routes.ts";
import { isCutOff } from "./link_health.ts";
import { limitSettings } from "./limit_settings.ts";
import type { Parts } from "./parts.ts";
import { publicUrl } from "./public_url.ts";
import { nodeDuties } from "./node_duties.ts";
import { openRevocations, openVerifier } from "./open_auth.ts";
import { clusterOpener, openAlone } from "./open_cluster.ts";
import { ServedCertificate } from "../tls/served_certificate.ts";
import type { ServerOptions } from "./server_options.ts";
import { SETTLE_MS } from "./settlement.ts";
import { SharedRights } from "./shared_rights.ts";
import { startFront } from "./start_front.ts";
import { sessionServices } from "./session_services.ts";
import { requireDescriptors, roomFor } from "./system.ts";
import { readTls } from "../tls/tls_files.ts";
import { DEADLINE_SLOT_MS, startUpkeep } from "./upkeep.ts";

/** A running server, created by {@linkcode startServer}. */
export class Server implements Parts {
  readonly log: Log;
  readonly telemetry = new Telemetry();
  readonly tracing: Tracing;
  readonly registry = new Registry<Session>(({ userId }) => this.cluster.state.unseat(userId));
  readonly hub: Hub;
  readonly cluster: Cluster;
  /** Bans and revocations of all nodes. */
  readonly rights: SharedRights;
  readonly certificate: CertificateWatch;
  readonly descriptors: Descriptors;
  readonly monotonic = () => performance.now();
  readonly now = () => Date.now();
  /** Monotonic clock, milliseconds since the epoch, for the duration of bans and records. */
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
  readonly #deadlines: TimingWheel;
  readonly #polls = new Polls();
  readonly #served: ServedCertificate;
  #listening = false;
  #sandbox!: Sandbox;
  #front!: Front;
  #endUpkeep = () => {};
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
    this.#served = new ServedCertificate({
      log,
      certificate: this.certificate,
      now: this.now,
      replace: (tls) => this.#front.reloadTls(tls),
    });
    this.descriptors = new Descriptors({ log, now: this.monotonic });
    this.store = openStore(config.store, { log, now: this.steady });
    const { store, steady, monotonic } = this;
    this.cluster = (options.openCluster ?? openAlone)(nodeDuties(this), { log, store, now: steady, monotonic });
    const { max_subscriptions, max_subscriptions_per_module } = config.topics;
    this.hub = new Hub(hubLimits(max_subscriptions, max_subscriptions_per_module), this.cluster);
    this.limits = new Limits(limitSettings(config), {
      log,
      telemetry: this.telemetry,
      store: this.store,
      now: this.steady,
      monotonic: this.monotonic,
      table: { capacity: Math.max(100_000, config.server.max_connections) },
      ...(config.cluster ? { ledger: new SpendingLedger(SETTLE_MS) } : {}),
    });
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
    this.rights = new SharedRights(this);
    this.tickets = new Tickets(this.cluster.state, {
      now: this.now,
      steady: this.steady,
      isRevoked: (identity) => this.revocations.isRevoked(identity),
    });
    this.#deadlines = new TimingWheel(DEADLINE_SLOT_MS, this.monotonic());
    this.services = sessionServices(this, this.#deadlines, new Turns(this.#polls.after));
  }

  get modules(): Sandbox["modules"] {
    return this.#sandbox.modules;
  }

  get cutOff(): boolean {
    return isCutOff(this.cluster.link(), this.config);
  }

  /** Whether new connections are accepted. */
  get listening(): boolean {
    return this.#listening;
  }

  /** Tests whether a connection is accepted now. */
  accepts(): Promise<boolean> {
    return this.#listening ? this.#front.accepts() : Promise.resolve(false);
  }

  /** The URL that clients connect to. */
  get url(): string {
    return publicUrl(this.config, this.#front.port);
  }

  /**
   * Opens keys, cells and listener.
   *
   * @throws {Error} if one of them can't be opened; the others are closed again
   */
  async start(): Promise<void> {
    const { systemLimits = UNKNOWN_LIMITS, page, cells, dev = false } = this.#options;
    try {
      requireDescriptors();
      this.verifier = await openVerifier(this, this.config);
      this.#revokedFile = await openRevocations(this, this.config);
      this.#revokedFile?.apply();
      // Bans and revocations of the other nodes come first.
      await this.cluster.start();
      this.#sandbox = await (this.#options.startSandbox ?? startSandbox)(this.config.handlers, {
        log: this.log,
        telemetry: this.telemetry,
        now: this.monotonic,
        afterInput: this.#polls.after,
        cells,
        cores: coresOfFront(navigator.hardwareConcurrency, this.config.server.fronts),
        maxBytes: this.config.messages.max_bytes,
        publish: (module, topic, text) => this.hub.publish(module, topic, text),
        watch: dev,
      });
      const gate = new ServerGate(this);
      this.routes = httpRoutes(this, gate, page);
      const tls = await readTls(this.config);
      if (tls) this.#served.use(tls);
      await this.#polls.open().catch((error) => this.log.warn("internal", { error: String(error) }));
      this.#front = await startFront(this.config, gate, {
        log: this.log,
        telemetry: this.telemetry,
        now: this.monotonic,
        afterInput: this.#polls.after,
        ...roomFor(this.config, { descriptors: this.descriptors, limits: systemLimits, log: this.log }),
        descriptors: this.descriptors,
        ...(tls ? { tls } : {}),
      });
      this.descriptors.start();
      this.#listening = true;
      this.#served.watch(this.config);
      this.#endUpkeep = startUpkeep({
        parts: this,
        store: this.store,
        certificate: this.certificate,
        deadlines: this.#deadlines,
        systemLimits,
      });
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /**
   * Applies the parts of `next` that can change on a running server: certificates, keys, origins, limits, revocations,
   * log level. All or nothing.
   *
   * @throws {Error} if a change needs a restart, or a named file is unusable; nothing has changed then
   */
  async reload(next: Config): Promise<void> {
    const { live, restart } = reloadable(this.config, next);
    if (restart.length > 0) throw new Error(`${restart.join(", ")}: needs a restart`);
    const tls = await readTls(next);
    const verifier = await openVerifier(this, next, this.verifier);
    let revokedFile: RevokedFile | undefined;
    try {
      revokedFile = await openRevocations(this, next);
      await this.#served.replace(tls);
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
    // Logged at any level, because it answers the operator.
    this.log.level = "info";
    this.log.info("config.reloaded", { changed: live });
    this.log.level = next.log.level;
    this.#served.watch(next);
  }

  /**
   * Drains: refuses new handshakes, tells clients when to reconnect, waits for pending answers, then closes with 1001.
   */
  async drain(): Promise<void> {
    if (this.draining) return;
    this.draining = true;
    this.#listening = false;
    // With reuse_port, another process has the port too and gets all new connections from here on. Otherwise this
    // process answers them with 503.
    if (this.config.server.reuse_port) await this.#front.stopAccepting();
    this.cluster.leave();
    await drainSessions(this);
  }

  /** Ends all parts at once, in the reverse order of the start. */
  close(): Promise<void> {
    return this.#closed ??= this.#close();
  }

  async #close(): Promise<void> {
    this.#listening = false;
    this.#served.close();
    this.#endUpkeep();
    await this.#front?.close();
    this.#polls.close();
    await this.#sandbox?.close();
    // After the sessions and handlers, which publish and leave their topics at the end.
    await this.cluster.close();
    this.#revokedFile?.close();
    this.verifier?.close();
    this.store.close();
    this.descriptors.stop();
  }
}

/**
 * Starts a server and resolves once it listens.
 *
 * @throws {Error} if keys, handlers, certificate or listener are unusable
 */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { openCluster = await clusterOpener(options.config) } = options;
  const server = new Server({ ...options, openCluster });
  await server.start();
  return server;
}
