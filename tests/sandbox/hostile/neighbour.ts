/** The honest client of another module: what it notices of an attack. */
import type { TestServer } from "../../helpers/test_server.ts";
import type { Order, Report } from "./neighbour_worker.ts";

export class Neighbour implements Disposable {
  readonly #worker = new Worker(import.meta.resolve("./neighbour_worker.ts"), { type: "module" });

  private constructor() {}

  static async join(server: TestServer, subprotocol: string): Promise<Neighbour> {
    const neighbour = new Neighbour();
    const headers = {
      origin: server.origin,
      authorization: `Bearer ${server.token("neighbour")}`,
      "sec-websocket-protocol": subprotocol,
    };
    try {
      await neighbour.#tell({ connect: { port: server.port, headers } });
    } catch (error) {
      neighbour[Symbol.dispose]();
      throw error;
    }
    return neighbour;
  }

  /**
   * Calls all the time while `body` runs. Gives the 99th percentile of its latencies in milliseconds.
   * @throws {Error} When a call is not answered by a result.
   */
  async during<T>(
    body: () => Promise<T>,
  ): Promise<{ readonly result: T; readonly p99Ms: number; readonly calls: number }> {
    await this.#tell({ begin: true });
    const result = await body();
    const latencies = await this.#tell({ finish: true });
    const sorted = [...latencies].sort((a, b) => a - b);
    return { result, p99Ms: sorted[Math.ceil(sorted.length * 0.99) - 1] ?? 0, calls: sorted.length };
  }

  [Symbol.dispose](): void {
    this.#worker.terminate();
  }

  async #tell(order: Order): Promise<readonly number[]> {
    const report = await new Promise<Report>((resolve, reject) => {
      this.#worker.onmessage = ({ data }: MessageEvent<Report>) => resolve(data);
      this.#worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(event.message));
      };
      this.#worker.postMessage(order);
    });
    if ("failed" in report) throw new Error(`The honest neighbour: ${report.failed}`);
    return report.latencies;
  }
}
