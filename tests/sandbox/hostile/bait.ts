/** Bait for hostile modules: files, a port, a secret. Their traces show afterwards. */
import type { Input } from "./act.ts";

const SECRET_NAME = "SALLYPORT_TEST_SECRET";

/** A folder for each module, so that the arguments of a process show whose it is, and what lies outside of them. */
export class Bait {
  readonly secret = `sesame-${crypto.randomUUID()}`;
  readonly #listener: Deno.TcpListener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  #connections = 0;

  private constructor(readonly dir: string) {
    void this.#accept();
  }

  static async lay(): Promise<Bait> {
    const bait = new Bait(await Deno.realPath(await Deno.makeTempDir({ prefix: "sallyport-hostile-" })));
    const { secretFile, emptyDir } = bait.input;
    await Deno.mkdir(`${bait.dir}/outside`);
    await Deno.mkdir(emptyDir);
    await Deno.writeTextFile(secretFile, JSON.stringify({ secret: bait.secret }));
    await Deno.writeTextFile(`${bait.dir}/outside/secret.ts`, `-----BEGIN ${bait.secret}-----\n`);
    return bait;
  }

  get input(): Input {
    return {
      secretFile: `${this.dir}/outside/secret.json`,
      secretName: SECRET_NAME,
      emptyDir: `${this.dir}/empty`,
      port: this.#listener.addr.port,
      pids: { front: 0, supervisor: 0, neighbour: 0 },
    };
  }

  /** The environment that the server gets. */
  get env(): Record<string, string> {
    return { [SECRET_NAME]: this.secret };
  }

  folder(name: string): string {
    return `${this.dir}/${name}`;
  }

  module(name: string): string {
    return `${this.folder(name)}/module.ts`;
  }

  /** Writes a module into a new folder, with symbolic links to what lies outside. */
  async addModule(name: string, text: string): Promise<void> {
    const folder = this.folder(name);
    await Deno.mkdir(folder);
    await Deno.writeTextFile(this.module(name), text);
    for (const link of ["link.json", "link.txt"]) await Deno.symlink(this.input.secretFile, `${folder}/${link}`);
    await Deno.symlink(`${this.dir}/outside/secret.ts`, `${folder}/link.ts`);
    await Deno.symlink(`${this.dir}/outside`, `${folder}/folder`);
  }

  /** The forbidden acts that were done, a text for each. */
  taken(): string[] {
    const files = [...Deno.readDirSync(this.input.emptyDir)].map(({ name }) => `a file was made: ${name}`);
    return this.#connections === 0 ? files : [...files, `${this.#connections} connections were made`];
  }

  async remove(): Promise<void> {
    this.#listener.close();
    await Deno.remove(this.dir, { recursive: true });
  }

  async #accept(): Promise<void> {
    for await (const connection of this.#listener) {
      this.#connections++;
      connection.close();
    }
  }
}
