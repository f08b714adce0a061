import { type MonotonicMicros, openMonotonicClock } from "./monotonic_clock.ts";

/** Tells the service manager how the service is (`sd_notify(3)`). Nothing here throws; without a manager nothing is sent. */
export interface Notifier {
  /** The socket that must stay writable when permissions are narrowed; null without one or for an abstract one. */
  readonly socketPath: string | null;
  ready(status: string): void;
  status(status: string): void;
  /**
   * Followed by `ready` once the reload is over, whether it worked or not. Sent with `MONOTONIC_USEC`, the moment of the
   * call, which units of `Type=notify-reload` insist on.
   */
  reloading(): void;
  stopping(status: string): void;
  /** Starts feeding the watchdog, if the unit has one, for as long as `healthy` resolves to true in time. */
  watch(healthy: () => boolean | Promise<boolean>): void;
  /** Resolves once nothing of this needs the permission `sys` any more: the clock of `reloading` was read. */
  readonly prepared: Promise<void>;
  /** Resolves once everything was sent. */
  close(): Promise<void>;
}

export interface NotifierOptions {
  /** An environment variable. */
  env: (name: string) => string | undefined;
  /** A folder in which the socket that sends is made, and removed at once; default the temporary one. */
  directory?: string;
  /** Reads the clock of `MONOTONIC_USEC`; default {@linkcode openMonotonicClock}. */
  openClock?: () => Promise<MonotonicMicros>;
  /** Told what could not be sent. */
  onError?: (error: unknown) => void;
}

/** Makes the notifier of this process from `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID`. */
export function createNotifier(options: NotifierOptions): Notifier {
  const target = options.env("NOTIFY_SOCKET");
  // "@" stands for the zero byte of Linux' abstract sockets; anything else that isn't a path is not for us.
  const address = target?.startsWith("@") ? `\0${target.slice(1)}` : target?.startsWith("/") ? target : null;
  const socket = address ? open(options) : null;
  const encoder = new TextEncoder();
  let order: Promise<unknown> = Promise.resolve();
  let timer: ReturnType<typeof setInterval> | undefined;

  // Without the clock a reload is announced all the same: units of Type=notify don't need the time.
  const clock = socket
    ? (options.openClock ?? openMonotonicClock)().catch((error) => void options.onError?.(error))
    : Promise.resolve(undefined);
  const send = (...lines: (string | Promise<string | null>)[]) => {
    if (!socket || !address) return;
    order = order.then(async () => {
      const known = (await Promise.all(lines)).filter((line) => line !== null);
      await socket.send(encoder.encode(known.join("\n")), { transport: "unixpacket", path: address });
    }).catch((error) => options.onError?.(error));
  };
  const monotonic = async (at: number) => {
    const micros = await clock;
    return micros ? `MONOTONIC_USEC=${micros(at)}` : null;
  };
  const watch = (healthy: () => boolean | Promise<boolean>) => {
    const interval = watchdogInterval(options.env);
    if (!socket || interval === null) return;
    let asking = false;
    timer = setInterval(async () => {
      if (asking) return;
      asking = true;
      try {
        if (await healthy()) send("WATCHDOG=1");
      } catch (error) {
        options.onError?.(error);
      } finally {
        asking = false;
      }
    }, interval);
  };
  return {
    socketPath: socket && address?.startsWith("/") ? address : null,
    ready: (status) => send("READY=1", statusLine(status)),
    status: (status) => send(statusLine(status)),
    reloading: () => send("RELOADING=1", monotonic(performance.now())),
    stopping: (status) => send("STOPPING=1", statusLine(status)),
    watch,
    prepared: clock.then(() => {}),
    close: async () => {
      clearInterval(timer);
      await order;
      socket?.close();
    },
  };
}

/** Half of what the unit allows between two signs of life, in ms; null without a watchdog or when it is for another process. */
export function watchdogInterval(env: (name: string) => string | undefined): number | null {
  const micros = Number(env("WATCHDOG_USEC"));
  const pid = env("WATCHDOG_PID");
  if (!Number.isSafeInteger(micros) || micros <= 0 || (pid !== undefined && Number(pid) !== Deno.pid)) return null;
  return Math.max(1, Math.floor(micros / 2000));
}

/** One line, whatever a status contains: a newline would begin another assignment. */
function statusLine(status: string): string {
  return `STATUS=${status.replace(/\p{Cc}+/gu, " ").slice(0, 256)}`;
}

/** Deno sends datagrams only from a socket with a name; the name goes at once. */
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
