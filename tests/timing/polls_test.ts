/** That the loop has looked at other sockets, on real ones, while something else keeps it busy. */
import { createServer } from "node:net";
import { Polls } from "../../lib/timing/polls.ts";
import { assertEquals } from "../assert.ts";

const passed = (polls: Polls) => new Promise<void>((resolve) => polls.after(resolve));

/** Keeps the loop from ever running out of work, until disposed. */
function storm(): Disposable {
  let over = false;
  const again = () => void (over || setImmediate(again));
  again();
  return { [Symbol.dispose]: () => over = true };
}

/** A socket pair: writes on one side, counts on the other, of the kind whose bytes come as events. */
async function pair() {
  let received = 0;
  const server = createServer((socket) => {
    socket.on("data", (bytes) => received += bytes.length);
    socket.on("error", () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  const { port } = server.address() as { port: number };
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  connection.setNoDelay(true);
  return {
    get received() {
      return received;
    },
    send: () => connection.write(new Uint8Array(1)),
    async [Symbol.asyncDispose]() {
      connection.close();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

Deno.test("Polls.after() runs after input of other sockets was read, on a busy loop too", async () => {
  const polls = new Polls();
  await polls.open();
  await using other = await pair();
  // The first byte also accepts the connection, which takes a look of its own.
  await other.send();
  while (other.received === 0) await passed(polls);
  using _ = storm();
  for (let sent = 2; sent <= 20; sent++) {
    await other.send();
    await passed(polls);
    assertEquals(other.received, sent);
  }
  polls.close();
});

Deno.test("Polls.after() runs each function once, in order, those added during a look in a later one", async () => {
  const polls = new Polls();
  await polls.open();
  const order: string[] = [];
  const done = new Promise<void>((resolve) => {
    polls.after(() => {
      order.push("first");
      polls.after(() => {
        order.push("later");
        resolve();
      });
    });
    polls.after(() => order.push("second"));
  });
  await done;
  assertEquals(order, ["first", "second", "later"]);
  polls.close();
});

Deno.test("Polls.after() runs before it was opened and after it was closed", async () => {
  const polls = new Polls();
  await passed(polls);
  await polls.open();
  const meanwhile = passed(polls);
  polls.close();
  await meanwhile;
  await passed(polls);
});
