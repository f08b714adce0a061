/** Looks at a server's processes again and again. */
import { commandLines, type Process, processTree } from "./processes.ts";

const PAUSE_MS = 100;

/** The most that was seen. */
export interface Peak {
  readonly frontBytes: number;
  readonly treeBytes: number;
}

export class Sampler {
  latest: readonly Process[] = [];
  peak: Peak = { frontBytes: 0, treeBytes: 0 };
  readonly #root: number;
  readonly #lines = new Map<number, string>();
  #looking: Promise<void> = Promise.resolve();
  #stopped = false;
  #waiting: (() => void)[] = [];

  private constructor(root: number) {
    this.#root = root;
  }

  static async start(root: number): Promise<Sampler> {
    const sampler = new Sampler(root);
    await sampler.#look();
    sampler.#looking = sampler.#loop();
    return sampler;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#looking;
  }

  reset(): void {
    this.peak = { frontBytes: 0, treeBytes: 0 };
  }

  /** The processes at a look that begins after now. */
  async next(): Promise<readonly Process[]> {
    for (let look = 0; look < 2; look++) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return this.latest;
  }

  /** Waits until `holds`; throws with `what` was waited for. */
  async until(
    holds: (tree: readonly Process[]) => boolean | Promise<boolean>,
    what: string,
    withinMs: number,
  ): Promise<void> {
    const deadline = Date.now() + withinMs;
    while (!await holds(await this.next())) {
      if (Date.now() > deadline) throw new Error(`Waited ${withinMs} ms for ${what}`);
    }
  }

  /** The front's process: the one whose arguments say so, else the server is one process. */
  async frontPid(): Promise<number> {
    await this.next();
    return this.latest.find(({ pid }) => / front( |$)/.test(this.describe(pid)))?.pid ?? this.#root;
  }

  /** Processes that run the module in `folder`, by the folder named in their arguments. */
  async cellsIn(folder: string): Promise<number[]> {
    await this.next();
    const named = new RegExp(`${folder.replace(/[.*+?^\${}()|[\]\\]/g, "\\$&")}(?=[/, ]|$)`);
    return this.latest.filter(({ pid }) => {
      const line = this.describe(pid);
      return / cell( |$)/.test(line) && named.test(line);
    }).map(({ pid }) => pid);
  }

  /** The command line of a process. */
  describe(pid: number): string {
    return this.#lines.get(pid) ?? `process ${pid}`;
  }

  async #loop(): Promise<void> {
    while (!this.#stopped) {
      await this.#look();
      for (const wake of this.#waiting.splice(0)) wake();
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    for (const wake of this.#waiting.splice(0)) wake();
  }

  async #look(): Promise<void> {
    const tree = await processTree(this.#root);
    // Between fork and exec a process has the arguments of its parent: what is not a role yet is asked again.
    const unknown = tree.map(({ pid }) => pid).filter((pid) => !/ (?:front|cell)( |$)/.test(this.describe(pid)));
    for (const [pid, line] of await commandLines(unknown)) this.#lines.set(pid, line);
    const front = tree.find(({ pid }) => / front( |$)/.test(this.describe(pid))) ?? tree[0];
    this.peak = {
      frontBytes: Math.max(this.peak.frontBytes, front?.rssBytes ?? 0),
      treeBytes: Math.max(this.peak.treeBytes, tree.reduce((sum, { rssBytes }) => sum + rssBytes, 0)),
    };
    this.latest = tree;
  }
}
