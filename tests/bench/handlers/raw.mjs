/** Raw echo: what comes in goes out, text as text and bytes as bytes. */
export default () => ({ raw: { message: (data, ctx) => ctx.send(data) } });
