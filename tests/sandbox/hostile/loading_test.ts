/** Hostile modules while they are loaded: at the start, by `check`, and when a cell is replaced. */
import { assert, assertEquals } from "../../assert.ts";
import { program, writeConfigFor } from "../../helpers/test_server.ts";
import { ROOT } from "../../../tools/project.ts";
import { type Act, slug } from "./act.ts";
import { ACTS } from "./acts.ts";
import { Arena } from "./arena.ts";
import { Bait } from "./bait.ts";
import { type Bomb, BOMBS } from "./bombs.ts";

/** A module may take ten seconds to load, and a busy machine longer for all of them. */
const DEADLINE_MS = 120_000;
/** Modules that one command loads: it loads all at once. */
const PART = 12;

interface Output {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command of the program with one handler for each of `bombs`. */
async function withBombs<T>(
  command: readonly string[],
  bombs: readonly Bomb[],
  look: (output: Output, bait: Bait) => Promise<T> | T,
): Promise<T> {
  const bait = await Bait.lay();
  try {
    for (const [index, { text }] of bombs.entries()) await bait.addModule(`m${index}`, text);
    const handlers = bombs.map((_, index) => ({
      subprotocol: `m${index}`,
      module: bait.module(`m${index}`),
      cells: 1,
    }));
    await writeConfigFor(bait.dir, { handlers });
    const [name, ...before] = await program();
    const { code, stdout, stderr } = await new Deno.Command(name!, {
      args: [...before, ...command, "--config", `${bait.dir}/sallyport.toml`],
      cwd: ROOT,
      env: { ...bait.env, DENO: Deno.execPath() },
      signal: AbortSignal.timeout(DEADLINE_MS),
    }).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    const output = { code, out: text(stdout), err: text(stderr) };
    assert(!(output.out + output.err).includes(bait.secret), "the secret is in the output");
    assertEquals(bait.taken(), []);
    return await look(output, bait);
  } finally {
    await bait.remove();
  }
}

/** No control characters but the line end after each line, and nothing that turns text round. */
function assertPlain(text: string): void {
  const odd = text.match(/(?!\n)[\p{Cc}\u202a-\u202e\u2066-\u2069]/u);
  assertEquals(odd?.[0], undefined, `a raw control character is in ${JSON.stringify(text.slice(0, 2_000))}`);
}

const parts = Array.from(
  { length: Math.ceil(BOMBS.length / PART) },
  (_, part) => BOMBS.slice(part * PART, (part + 1) * PART),
);
for (const [part, bombs] of parts.entries()) {
  Deno.test(`check names each module that does not load, and the reason (${part + 1} of ${parts.length})`, async () => {
    await withBombs(["check", "--json"], bombs, ({ code, out, err }) => {
      assertEquals({ code, err }, { code: 1, err: "" });
      assertPlain(out);
      assertEquals(out.trimEnd().split("\n").length, 1, out);
      const { findings } = JSON.parse(out) as { findings: { severity: string; where: string; what: string }[] };
      const wrong: string[] = [];
      for (const [index, { name, says }] of bombs.entries()) {
        const found = findings.find(({ severity, where }) =>
          severity === "error" && where === `handlers[${index}].module`
        );
        if (found === undefined) wrong.push(`${name}: nothing was found`);
        else if (says !== undefined && !says.test(found.what)) wrong.push(`${name}: ${found.what}`);
        if (found !== undefined && found.what.length > 2_000) wrong.push(`${name}: ${found.what.length} characters`);
      }
      assertEquals(wrong, []);
      assertEquals(findings.filter(({ what }) => /\p{Cc}/u.test(what)).map(({ what }) => what), []);
    });
  });
}

const quick = BOMBS.filter(({ name }) => !/never|loop|for ever|without end/.test(name)).slice(0, PART);
for (const command of ["serve", "check", "contract"]) {
  Deno.test(`${command} tells in plain lines which modules do not load`, async () => {
    await withBombs([command], quick, ({ code, out, err }) => {
      assertEquals(code, command === "check" ? 1 : command === "serve" ? 2 : code, out + err);
      assert(code !== 0, `exit status ${code}`);
      assertPlain(out + err);
      const lines = (out + err).split("\n");
      for (const [index, { name }] of quick.entries()) {
        const about = lines.filter((line) =>
          line.includes(`handlers[${index}]`) || line.includes(`/m${index}/module.ts`)
        );
        assert(about.length > 0, `nothing is said about ${name}:\n${out}${err}`);
      }
      assert(!lines.some((line) => line.startsWith('{"event":"forged"')), out + err);
    });
  });
}

const AT_LOAD = [
  "objects without end",
  "array buffers",
  "arrays of 33 million numbers",
  "an endless loop",
  "indexOf in 2 ** 53 - 1 elements",
  "lines and escapes in an uncaught error",
];

Deno.test("a module that turns hostile is replaced by itself again once it is mended, while others are served", async () => {
  const acts = ACTS.filter(({ name }) => AT_LOAD.includes(name));
  assertEquals(acts.length, AT_LOAD.length);
  await using arena = await Arena.start(acts, 2_000);
  const failures = await arena.survives(async () => {
    const attacks = await Promise.allSettled(acts.map((act: Act) => arena.attackLoading(act)));
    return attacks.flatMap((attack, index) =>
      attack.status === "rejected" ? [`${slug(acts[index]!)}: ${(attack.reason as Error).message}`] : []
    );
  });
  assertEquals(failures, []);
});
