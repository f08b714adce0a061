/** Uses what the configuration granted. */
import type { Handlers } from "../../../lib/mod.ts";

export default (({ z, method }) => ({
  methods: {
    read: method({ params: z.object({ path: z.string() }), handle: ({ path }) => Deno.readTextFile(path) }),
    env: method({ params: z.object({ name: z.string() }), handle: ({ name }) => Deno.env.get(name) }),
    connect: method({
      params: z.object({ port: z.number() }),
      async handle({ port }) {
        const connection = await Deno.connect({ hostname: "127.0.0.1", port });
        connection.close();
        return true;
      },
    }),
    write: method({ params: z.object({ path: z.string() }), handle: ({ path }) => Deno.writeTextFile(path, "no") }),
  },
})) satisfies Handlers;
