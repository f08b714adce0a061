/** Revocations and used tickets survive the death of the process at any moment. */
import { join } from "node:path";
import { assert, assertEquals } from "../assert.ts";
import { Revocations, Tickets } from "../../lib/admission/admission.ts";
import { openStore } from "../../lib/store/store.ts";
import { loneState } from "../helpers/lone_node.ts";
import { ALICE, memoryLog, ORIGIN, withFolder } from "../helpers/admission.ts";

const ROOT = new URL("../../", import.meta.url);

/** Revokes and redeems without end, and says after each what it has done. */
const program = (path: string) => `
  import { openStore } from "${new URL("lib/store/store.ts", ROOT)}";
  import { loneState } from "${new URL("tests/helpers/lone_node.ts", ROOT)}";
  import { Revocations, Tickets } from "${new URL("lib/admission/admission.ts", ROOT)}";
  const log = { debug() {}, info() {}, warn() {}, error() {}, level: "info" };
  const deps = { log, now: Date.now, retentionMs: 1e9 };
  const store = openStore({ kind: "sqlite", path: ${JSON.stringify(path)} }, deps);
  const [revocations, tickets] = [new Revocations(store, deps), new Tickets(loneState(store, deps.now), deps)];
  const say = (line) => Deno.stdout.writeSync(new TextEncoder().encode(line + "\\n"));
  const identity = { user: "alice", roles: [], claims: {}, issuedAt: 0, expiresAt: Date.now() + 1e9 };
  for (let i = 0;; i++) {
    revocations.add({ jti: "j" + i });
    say("revoked j" + i);
    const { ticket } = await tickets.issue(identity, "${ORIGIN}");
    if (await tickets.redeem(ticket, "${ORIGIN}") === null) throw new Error("not redeemed");
    say("used " + ticket);
  }`;

/** Runs the program until it has said so many lines, and kills it; the lines that were said whole. */
async function runAndKill(file: string, lines: number): Promise<string[]> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--config", new URL("deno.json", ROOT).pathname, file],
    stdout: "piped",
    stderr: "null",
  }).spawn();
  let text = "";
  let killed = false;
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (killed || text.split("\n").length <= lines) continue;
    killed = true;
    child.kill("SIGKILL");
  }
  assertEquals((await child.status).signal, "SIGKILL");
  return text.slice(0, text.lastIndexOf("\n")).split("\n");
}

for (const lines of [1, 2, 37, 150]) {
  Deno.test(`revocations and used tickets survive SIGKILL after ${lines} of them`, async () => {
    await withFolder(async (folder) => {
      const [path, file] = [join(folder, "state.db"), join(folder, "program.ts")];
      await Deno.writeTextFile(file, program(path));
      const said = await runAndKill(file, lines);
      assert(said.length >= lines);

      const deps = { log: memoryLog(), now: Date.now, retentionMs: 1e9 };
      const store = openStore({ kind: "sqlite", path }, deps);
      const [revocations, tickets] = [new Revocations(store, deps), new Tickets(loneState(store, deps.now), deps)];
      for (const line of said) {
        const [kind, value = ""] = line.split(" ");
        if (kind === "revoked") assert(revocations.isRevoked({ ...ALICE, tokenId: value }), line);
        else assertEquals(await tickets.redeem(value, ORIGIN), null, line);
      }
      assertEquals(store.writable(), true);
      store.close();
    });
  });
}
