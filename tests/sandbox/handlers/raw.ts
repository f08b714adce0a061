/** Sends frames back; some words make it fail. */
import type { Handlers } from "../../../lib/mod.ts";

export default (({ z }) => ({
  raw: {
    schema: z.union([z.string().max(10), z.instanceof(Uint8Array)]),
    message(data, ctx) {
      if (data === "boom") throw new Error("boom");
      if (data === "never") return new Promise<never>(() => {});
      ctx.send(data);
    },
  },
})) satisfies Handlers;
