/** The handler of the whole way, and of the servers that make the same checks by hand: one schema, one body, whoever runs it. */
export default ({ z }) => ({
  methods: {
    echo: {
      params: z.object({ text: z.string().max(4096) }),
      handle: ({ text }) => ({ text }),
    },
  },
});
