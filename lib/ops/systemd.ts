/** Notifications to systemd: readiness, reload, status, watchdog. */
import { type MonotonicMicros, openMonotonicClock } from "./monotonic_clock.ts";

/**
 * Reports the state of the service to the service manager (`sd_notify(3)`). Its methods never throw. Without a manager
 * nothing is sent.
 */
export interface Notifier {
  /** The socket that must stay writable when permissions are narrowed; null without one, or for an abstract socket. */
  readonly socketPath: string | null;
  ready(status: string): void;
  status(status: string): void;
  /**
   * Must be followed by `ready` at the end of the reload, successful or not. Sent with `MONOTONIC_USEC`, the time of
   * the call, which units of `Type=notify-reload` require.
   */
  reloading(): void;
  stopping(status: string): void;
  /** Starts feeding the watchdog, if the unit has one, as long as `healthy` resolves to true in time. */
  watch(healthy: () => boolean | Promise<boolean>): void;
  /** Resolves when the permission `sys` is no longer needed: the clock of `reloading` has been read. */
  readonly prepared: Promise<void>;
  /** Resolves when all messages are sent. */
  close(): Promise<void>;
}

export interface NotifierOptions {
  /** Reads an environment variable. */
  env: (name: string) => string | undefined;
  /** Folder of the sending socket, which is removed at once. Default: the temporary folder. */
  directory?: string;
  /** Reads the clock of `MONOTONIC_USEC`; default {@linkcode openMonotonicClock}. */
  openClock?: () => Promise<MonotonicMicros>;
  /** Called with errors of sending. */
  onError?: (error: unknown) => void;
}

/** Creates the notifier of this process from `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID`. */
export function createNotifier(options: NotifierOptions): Notifier {
  const manager = openManager(options);
  const send: Manager["send"] = (...lines) => manager?.send(...lines);
  let timer: ReturnType<typeof setInterval> | undefined;
  // Without the clock, a reload is announced without a time; units of Type=notify don't need it.
  const clock = manager
    ? (options.openClock ?? openMonotonicClock)().catch((error) => void options.onError?.(error))
    : Promise.resolve(undefined);
  const monotonic = async (at: number) => {
    const micros = await clock;
    return micros ? `MONOTONIC_USEC=${micros(at)}` : null;
  };
  return {
    socketPath: manager?.path ?? null,
    ready: (status) => send("READY=1", statusText(status)),
    status: (status) => send(statusText(status)),
    reloading: () => send("RELOADING=1", monotonic(performance.now())),
    stopping: (status) => send("STOPPING=1", statusText(status)),
    watch(healthy) {
      const interval = watchdogInterval(options.env);
      if (manager === null || interval === null) return;
      timer = setInterval(
        oneAtATime(async () => {
          if (await healthy()) send("WATCHDOG=1");
        }, options.onError),
        interval,
      );
    },
    prepared: clock.then(() => {}),
    close: async () => {
      clearInterval(timer);
      await manager?.close();
    },
  };
}

/** The service manager, as it is sent to. */
interface Manager {
  /** Path of its socket; null for an abstract one. */
  readonly path: string | null;
  /** Sends lines as one message, in the order of the calls. A line of null is left out. */
  send(...lines: (string | Promise<string | null>)[]): void;
  /** Resolves when all messages are sent. */
  close(): Promise<void>;
}

/** The manager that `NOTIFY_SOCKET` names; null without one, or without a socket to send from. */
function openManager(options: NotifierOptions): Manager | null {
  const target = options.env("NOTIFY_SOCKET");
  // "@" stands for the zero byte of Linux abstract sockets. Other values that are not paths are ignored.
  const address = target?.startsWith("@") ? `\0${target.slice(1)}` : target?.startsWith("/") ? target : null;
  const socket = address === null ? null : open(options);
  if (address === null || socket === null) return null;
  const encoder = new TextEncoder();
  let order: Promise<unknown> = Promise.resolve();
  return {
    path: address.startsWith("/") ? address : null,
    send(...lines) {
      order = order.then(async () => {
        const known = (await Promise.all(lines)).filter((line) => line !== null);
        await socket.send(encoder.encode(known.join("\n")), { transport: "unixpacket", path: address });
      }).catch((error) => options.onError?.(error));
    },
    async close() {
      await order;
      socket.close();
    },
  };
}

/** A function that runs `body` unless the last run still goes on. */
function oneAtATime(body: () => Promise<void>, onError: NotifierOptions["onError"]): () => Promise<void> {
  let running = false;
  return async () => {
    if (running) return;
    running = true;
    try {
      await body();
    } catch (error) {
      onError?.(error);
    } finally {
      running = false;
    }
  };
}

/**
 * Half of the unit's watchdog interval, in milliseconds; null without a watchdog, or when it is for another process.
 */
export function watchdogInterval(env: (name: string) => string | undefined): number | null {
  const micros = Number(env("WATCHDOG_USEC"));
  const pid = env("WATCHDOG_PID");
  if (!Number.isSafeInteger(micros) || micros <= 0 || (pid !== undefined && Number(pid) !== Deno.pid)) return null;
  return Math.max(1, Math.floor(micros / 2000));
}

/** Makes a status one line: a newline would start another assignment. */
function statusText(status: string): string {
  return `STATUS=${status.replace(/\p{Cc}+/gu, " ").slice(0, 256)}`;
}

/** Deno sends datagrams only from a named socket. The name is removed at once. */
function open(options: NotifierOptions): Deno.DatagramConn | null {
  const folder = options.directory ?? options.env("RUNTIME_DIRECTORY")?.split(":")[0] ?? options.env("TMPDIR") ??
    "/tmp";
  const path = `${folder}/sallyport-notify-${crypto.randomUUID()}`;
  try {
    const socket = Deno.listenDatagram({ transport: "unixpacket", path });
    Deno.removeSync(path);
    return socket;
  } catch (error) {
    options.onError?.(error);
    return null;
  }
}
