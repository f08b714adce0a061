/** `serve --dev` as a process of its own. */
import { join } from "node:path";
import { DENO, readProject, ROOT, serverFlags } from "../../tools/project.ts";

const START_DEADLINE_MS = 60_000;

/** A development server in a folder of its own, so that its keys are not left in the repository. */
export class DevelopmentServer implements AsyncDisposable {
  #output = "";
  readonly #read: Promise<void>[];

  private constructor(readonly directory: string, readonly process: Deno.ChildProcess) {
    const read = async (stream: ReadableStream<Uint8Array>) => {
      for await (const text of stream.pipeThrough(new TextDecoderStream())) this.#output += text;
    };
    this.#read = [read(process.stdout), read(process.stderr)];
  }

  static async start(): Promise<DevelopmentServer> {
    const directory = await Deno.makeTempDir({ prefix: "sallyport-page-" });
    const process = new Deno.Command(DENO, {
      args: ["run", ...serverFlags(await readProject()), join(ROOT, "main.ts"), "serve", "--dev", "--port", "0"],
      cwd: directory,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    return new DevelopmentServer(directory, process);
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

  async [Symbol.asyncDispose](): Promise<void> {
    for (let signals = 0; signals < 2; signals++) {
      try {
        this.process.kill("SIGINT"); // the second doesn't wait for the drain
      } catch {
        break; // it has ended
      }
    }
    await Promise.all([this.process.status, ...this.#read]);
    await Deno.remove(this.directory, { recursive: true });
  }
}
