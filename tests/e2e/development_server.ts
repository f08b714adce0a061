/** `serve --dev` as a process of its own. */
import { join } from "node:path";
import { DENO, readProject, ROOT, serverFlags } from "../../tools/project.ts";

const START_DEADLINE_MS = 60_000;
/** Late enough to count as a second signal. */
const SECOND_SIGNAL_MS = 150;

/** A development server in a folder of its own, so that its keys are not left in the repository. */
export class DevelopmentServer implements AsyncDisposable {
  #output = "";
  #process: Deno.ChildProcess;
  #read: Promise<unknown>;

  private constructor(readonly directory: string, process: Deno.ChildProcess) {
    this.#process = process;
    this.#read = this.#readAll();
  }

  static async start(): Promise<DevelopmentServer> {
    const directory = await Deno.makeTempDir({ prefix: "sallyport-page-" });
    return new DevelopmentServer(directory, await spawn(directory, "0"));
  }

  get output(): string {
    return this.#output;
  }

  get certificate(): string {
    return Deno.readTextFileSync(join(this.directory, "certs", "server.crt"));
  }

  /** The address that fills the token field, as the server prints it. */
  async address(): Promise<string> {
    const deadline = Date.now() + START_DEADLINE_MS;
    for (;;) {
      const address = /https:\/\/localhost:\d+\/#token=\S+/.exec(this.#output)?.[0];
      if (address !== undefined) return address;
      if (Date.now() > deadline) throw new Error(`No address was printed:\n${this.#output}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Drains the server and starts another one on its port; `between` runs while there is none. */
  async restart(between: () => Promise<void>): Promise<void> {
    const { port } = new URL(await this.address());
    this.#process.kill("SIGTERM");
    await this.#process.status;
    await this.#read;
    await between();
    this.#output = "";
    this.#process = await spawn(this.directory, port);
    this.#read = this.#readAll();
    await this.address();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#interrupt();
    const second = setTimeout(() => this.#interrupt(), SECOND_SIGNAL_MS); // doesn't wait for the drain
    await this.#process.status;
    clearTimeout(second);
    await this.#read;
    await Deno.remove(this.directory, { recursive: true });
  }

  #interrupt(): void {
    try {
      this.#process.kill("SIGINT");
    } catch {
      // it has ended
    }
  }

  #readAll(): Promise<unknown> {
    const read = async (stream: ReadableStream<Uint8Array>) => {
      for await (const text of stream.pipeThrough(new TextDecoderStream())) this.#output += text;
    };
    return Promise.all([read(this.#process.stdout), read(this.#process.stderr)]);
  }
}

async function spawn(directory: string, port: string): Promise<Deno.ChildProcess> {
  return new Deno.Command(DENO, {
    args: ["run", ...serverFlags(await readProject()), join(ROOT, "main.ts"), "serve", "--dev", "--port", port],
    cwd: directory,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}
