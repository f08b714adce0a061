/** Periodic work of the server: deadlines, expiry, figures, and load samples. */
import type { SystemLimits } from "../base/system_limits.ts";
import { cellCount, coresOfFront } from "../config/config.ts";
import { LoadSampler, memoryLimits, memoryShare } from "../limits/limits.ts";
import type { CertificateWatch } from "../tls/certificate_watch.ts";
import type { TimingWheel } from "../timing/timing_wheel.ts";
import type { Store } from "../store/store.ts";
import { ClusterWatch } from "./cluster_watch.ts";
import type { Parts } from "./parts.ts";
import { startSettlement } from "./settlement.ts";

/** Session deadlines are met within this time. */
export const DEADLINE_SLOT_MS = 250;
const EXPIRY_MS = 1_000;
const CERTIFICATE_CHECK_MS = 3_600_000;
/** Private memory of an idle process of this program, without memory that all of them share. */
const EMPTY_PROCESS_BYTES = 24 * 1024 * 1024;

export interface UpkeepDeps {
  readonly parts: Parts;
  readonly store: Store;
  readonly certificate: CertificateWatch;
  readonly deadlines: TimingWheel;
  readonly systemLimits: SystemLimits;
}

/**
 * Starts the periodic work.
 *
 * @returns a function that ends it
 */
export function startUpkeep({ parts, store, certificate, deadlines, systemLimits }: UpkeepDeps): () => void {
  const { limits, overload, modules, monotonic, config } = parts;
  const timers = [
    setInterval(() => deadlines.advance(monotonic()), DEADLINE_SLOT_MS),
    setInterval(() => {
      limits.tick();
      store.purge();
    }, EXPIRY_MS),
    setInterval(() => certificate.check(), CERTIFICATE_CHECK_MS),
  ];
  const memory = memoryLimits(shareOf(systemLimits, config.server.fronts), () => memoryOfOthers(parts));
  const sampler = new LoadSampler({
    onSample: (load, now) => overload.sample(load, now),
    queueDepth: () => Math.max(0, ...[...modules.values()].map((module) => module.queueDepth)),
    memory: () => memoryShare(memory),
  });
  sampler.start();
  const endSettlement = limits.ledger && startSettlement(limits.ledger, parts.cluster, monotonic);
  registerGauges(parts, certificate);
  const { cluster, log, telemetry } = parts;
  const watch = cluster.kind === "memory" ? undefined : new ClusterWatch({ cluster, log, telemetry });
  return () => {
    for (const timer of timers) clearInterval(timer);
    sampler.stop();
    endSettlement?.();
    watch?.close();
  };
}

function registerGauges({ telemetry, registry, modules }: Parts, certificate: CertificateWatch): void {
  for (const subprotocol of modules.keys()) telemetry.handlerModule(subprotocol);
  telemetry.figure("sallyport_connections", () => registry.size);
  telemetry.figure(
    "sallyport_send_queue_bytes",
    () => registry.all().reduce((sum, { queued }) => sum + queued, 0),
  );
  telemetry.figure("sallyport_certificate_expiry_seconds", () => certificate.secondsLeft());
}

/** The part of the service's memory that is for one front and its cells. */
function shareOf({ memoryBytes, ...others }: SystemLimits, fronts: number): SystemLimits {
  return { ...others, memoryBytes: memoryBytes === null ? null : memoryBytes / fronts };
}

/**
 * Memory in bytes of the front's other processes: each cell's above an empty one, plus empty cells and the
 * supervisor.
 */
function memoryOfOthers({ config, telemetry }: Parts): number {
  const cores = coresOfFront(navigator.hardwareConcurrency, config.server.fronts);
  const cells = config.handlers.reduce((sum, one) => sum + cellCount(one, cores), 0);
  const used = [...telemetry.cellMemory.values()].reduce((sum, memory) => sum + memory(), 0);
  return used + (cells + 1) * EMPTY_PROCESS_BYTES;
}
