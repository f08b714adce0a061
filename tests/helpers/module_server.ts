/** A real server whose modules are written in the test. */
import { type LogLine, type ServerOptions, startServer, type TestServer } from "./test_server.ts";

/** A server and the folder of its modules, which goes with it. */
export class Live implements AsyncDisposable {
  private constructor(readonly server: TestServer, readonly dir: string) {}

  /** Starts a server with one cell for each of `modules`: subprotocol and text; `settings` are those of every module. */
  static async start(
    modules: Readonly<Record<string, string>>,
    config: ServerOptions["config"] = {},
    settings: Readonly<Record<string, unknown>> = {},
  ): Promise<Live> {
    const dir = await Deno.realPath(await Deno.makeTempDir({ prefix: "sallyport-live-" }));
    try {
      const handlers = [];
      for (const [subprotocol, text] of Object.entries(modules)) {
        await Deno.mkdir(`${dir}/${subprotocol}`);
        await Deno.writeTextFile(`${dir}/${subprotocol}/module.ts`, text);
        handlers.push({
          subprotocol,
          module: `${dir}/${subprotocol}/module.ts`,
          cells: 1,
          memory: "512MiB",
          timeout: "30s",
          ...settings,
        });
      }
      const plenty = { rate: 100_000, burst: 100_000 };
      const bytes = { bytes_rate: "1GiB", bytes_burst: "1GiB" };
      const { limits, ...others } = config;
      const server = await startServer({
        handlers,
        config: {
          limits: {
            handshake: plenty,
            ip: plenty,
            user: plenty,
            connection: { ...plenty, ...bytes },
            adaptive: false,
            ...limits,
          },
          ...others,
        },
      });
      return new Live(server, dir);
    } catch (error) {
      await Deno.remove(dir, { recursive: true });
      throw error;
    }
  }

  /** Lines of an event that a module has caused so far. */
  lines(event: string, module: string): LogLine[] {
    return this.server.log.filter((line) => line.event === event && line["module"] === module);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.stop();
    await Deno.remove(this.dir, { recursive: true });
  }
}
