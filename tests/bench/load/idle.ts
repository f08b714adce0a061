import { connectMany, maskedFrame, TEXT } from "./connection.ts";
import type { Figures, IdleJob } from "./job.ts";
import { residentBytes } from "./process_figures.ts";

/**
 * The cost of an idle connection in resident memory of the server. Each one has exchanged a message before it falls silent:
 * a connection that was never used would hold no read buffer yet and flatter the server.
 */
export async function idle(job: IdleJob): Promise<Figures> {
  const frame = maskedFrame(TEXT, job.payload);
  const use = async (connections: Deno.Conn[]) => {
    const buffer = new Uint8Array(4096);
    for (const connection of connections) {
      await connection.write(frame);
      if (await connection.read(buffer) === null) throw new Error("The server closed an idle connection");
    }
  };
  const settled = async () => {
    await new Promise((resolve) => setTimeout(resolve, job.settleMs));
    return residentBytes(job.pid);
  };
  const warm = await connectMany(job.warmup, job.target);
  await use(warm);
  const before = await settled();
  const measured = await connectMany(job.count, job.target);
  await use(measured);
  const after = await settled();
  return { bytesPerConnection: (after - before) / job.count };
}
