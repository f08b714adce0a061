import { join } from "node:path";
import { createPrivateKey, createPublicKey } from "node:crypto";
import { assertEquals, assertMatch, assertStringIncludes } from "../assert.ts";
import { parseCommandLine } from "../../lib/cli/args.ts";
import { keys } from "../../lib/cli/keys.ts";
import { withFolder } from "../helpers/admission.ts";

/** Runs `keys` with these words; what it printed and returned. */
async function run(...words: string[]): Promise<{ status: number; out: string[]; err: string[] }> {
  const [out, err]: [string[], string[]] = [[], []];
  const io = {
    stdout: (line: string) => void out.push(line),
    stderr: (line: string) => void err.push(line),
    env: () => undefined,
  };
  return { status: await keys(parseCommandLine(["keys", ...words]), io), out, err };
}

async function modeOf(path: string): Promise<number> {
  return ((await Deno.stat(path)).mode ?? 0) & 0o777;
}

const KINDS = [["ES256", "ec"], ["EdDSA", "ed25519"], ["RS256", "rsa"]] as const;

for (const [alg, type] of KINDS) {
  Deno.test(`keys --alg ${alg} writes a pair of PEM files that only the owner can read`, async () => {
    await withFolder(async (folder) => {
      const out = join(folder, "new", "keys");
      const name = join(out, alg.toLowerCase());
      const result = await run("--alg", alg, "--out", out);
      assertEquals(result, { status: 0, out: [`${name}.key.pem`, `${name}.pub.pem`], err: [] });
      assertEquals(await Promise.all([out, ...result.out].map(modeOf)), [0o700, 0o600, 0o600]);
      const [privatePem, publicPem] = await Promise.all(result.out.map((path) => Deno.readTextFile(path)));
      assertMatch(privatePem ?? "", /^-----BEGIN PRIVATE KEY-----\n[^]*-----END PRIVATE KEY-----\n$/);
      assertMatch(publicPem ?? "", /^-----BEGIN PUBLIC KEY-----\n[^]*-----END PUBLIC KEY-----\n$/);
      const derived = createPublicKey(createPrivateKey(privatePem ?? ""));
      assertEquals(derived.asymmetricKeyType, type);
      assertEquals(derived.export({ type: "spki", format: "pem" }).toString().trim(), publicPem?.trim());
    });
  });
}

Deno.test("keys makes ES256 without --alg, and no two alike", async () => {
  await withFolder(async (folder) => {
    const pems = await Promise.all(["a", "b"].map(async (name) => {
      const { out } = await run("--out", join(folder, name));
      return await Deno.readTextFile(out[0] ?? "");
    }));
    assertEquals(new Set(pems).size, 2);
  });
});

Deno.test("keys --alg HS256 writes 256 random bits in base64url, on one line", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "hs256.secret");
    assertEquals(await run("--alg", "HS256", "--out", folder), { status: 0, out: [path], err: [] });
    assertEquals(await modeOf(path), 0o600);
    assertMatch(await Deno.readTextFile(path), /^[A-Za-z0-9_-]{43}\n$/);
  });
});

Deno.test("keys overwrites nothing, and leaves no half of a pair", async () => {
  await withFolder(async (folder) => {
    const [key, pub] = [join(folder, "es256.key.pem"), join(folder, "es256.pub.pem")];
    await Deno.writeTextFile(pub, "mine");
    const second = await run("--out", folder);
    assertEquals([second.status, second.out], [1, []]);
    assertStringIncludes(second.err.join(), "nothing was written");
    assertEquals(await Deno.readTextFile(pub), "mine");
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["es256.pub.pem"]);
    await Deno.rename(pub, key);
    assertEquals((await run("--out", folder)).status, 1);
    assertEquals([await Deno.readTextFile(key), [...Deno.readDirSync(folder)].length], ["mine", 1]);
    // A link in a file's place is something that is there.
    await Deno.remove(key);
    await Deno.symlink(join(folder, "elsewhere"), key);
    assertEquals((await run("--out", folder)).status, 1);
  });
});

Deno.test("keys says so when the folder can't be made", async () => {
  await withFolder(async (folder) => {
    const file = join(folder, "file");
    await Deno.writeTextFile(file, "");
    for (const out of [file, join(file, "below")]) {
      const { status, err } = await run("--out", out);
      assertEquals([status, err.length], [1, 1]);
    }
  });
});
