/** Exit status of a process that a second signal ends at once. */
const INTERRUPTED = 130;

/** A terminal signals every process of its group, and a parent may pass the signal on: that is still one wish. */
const SAME_WISH_MS = 100;

/** What signals mean to the server. Listens from the first moment on: a signal that comes while it starts is kept. */
export class Signals {
  /** Resolves with the first SIGTERM or SIGINT; another one ends the process at once. */
  readonly stop: Promise<void>;
  #reload: (() => Promise<void>) | undefined;
  #reloading = Promise.resolve();
  #wanted = false;

  constructor(now: () => number = () => performance.now()) {
    Deno.addSignalListener("SIGHUP", () => this.#hangUp());
    this.stop = new Promise((resolve) => {
      let first: number | undefined;
      const stop = () => {
        if (first === undefined) resolve();
        else if (now() - first >= SAME_WISH_MS) Deno.exit(INTERRUPTED);
        first ??= now();
      };
      Deno.addSignalListener("SIGTERM", stop);
      Deno.addSignalListener("SIGINT", stop);
    });
  }

  /** Calls `reload` for each SIGHUP, one at a time, and for one that has come already. */
  onReload(reload: () => Promise<void>): void {
    this.#reload = reload;
    if (this.#wanted) this.#hangUp();
  }

  #hangUp(): void {
    const reload = this.#reload;
    if (reload) this.#reloading = this.#reloading.then(reload);
    else this.#wanted = true;
  }
}
