/** Answers with what it was sent. */
import type { Handlers } from "../../lib/mod.ts";

export default (({ z, method }) => ({
  methods: {
    echo: method({
      description: "Gives its parameters back",
      params: z.object({ text: z.string().max(60_000) }),
      result: z.object({ text: z.string() }),
      public: true,
      examples: [{ text: "hello" }],
      handle: ({ text }) => ({ text }),
    }),
  },
})) satisfies Handlers;
