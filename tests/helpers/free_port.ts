/** Ports for servers that can't listen on port 0. */

/** Ports below those that the system gives to listeners on port 0. So other tests do not get them. */
const [FIRST_PORT, LAST_PORT] = [12_000, 31_000];

/** A free port. */
export function freePort(): number {
  for (;;) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT));
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}
