import { createPublicKey } from "node:crypto";
import { join } from "node:path";
import jsonwebtoken from "jsonwebtoken";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../assert.ts";
import { createVerifier, makeKeys } from "../../lib/admission/admission.ts";
import { parseCommandLine } from "../../lib/cli/args.ts";
import { token } from "../../lib/cli/token.ts";
import { loadConfig } from "../../lib/config/config.ts";
import { ecPair, ISSUER, jwkOf, memoryLog, NOW, withFolder } from "../helpers/admission.ts";

const verify = jsonwebtoken.verify as (token: string, key: string, options: object) => Record<string, unknown>;

async function run(...words: string[]): Promise<{ status: number; out: string[]; err: string[] }> {
  const [out, err]: [string[], string[]] = [[], []];
  const io = {
    stdout: (line: string) => void out.push(line),
    stderr: (line: string) => void err.push(line),
    env: () => undefined,
  };
  return { status: await token(parseCommandLine(["token", ...words]), io, () => NOW), out, err };
}

/** Writes a configuration with the given lines in `[auth]`. */
async function writeConfig(folder: string, auth: string): Promise<string> {
  const path = join(folder, "sallyport.toml");
  await Deno.writeTextFile(join(folder, "chat.ts"), "");
  const text = `[admission]\norigins = ["https://app.example.com"]\n[auth]\nissuer = "${ISSUER}"\n${auth}\n` +
    `[[handlers]]\nsubprotocol = "chat.v1"\nmodule = "chat.ts"\n`;
  await Deno.writeTextFile(path, text);
  return path;
}

for (const alg of ["ES256", "EdDSA", "RS256", "HS256"] as const) {
  Deno.test(`token signs with what keys --alg ${alg} made, and the server takes it`, async () => {
    await withFolder(async (folder) => {
      await makeKeys(alg, folder);
      const name = alg.toLowerCase();
      const files = alg === "HS256"
        ? `secret_file = "${name}.secret"`
        : `public_key_file = "${name}.pub.pem"\nprivate_key_file = "${name}.key.pem"`;
      const path = await writeConfig(folder, `algorithms = ["${alg}"]\n${files}`);
      const result = await run("--sub", "alice", "--role", "user", "--role", "admin", "--ttl", "15m", "--config", path);
      assertEquals([result.status, result.err, result.out.length], [0, [], 1]);
      const [signed = ""] = result.out;

      const { auth } = loadConfig({ path, env: () => undefined });
      const verifier = await createVerifier(auth, { log: memoryLog(), now: () => NOW });
      const verified = await verifier.verify(signed);
      verifier.close();
      assert(verified.ok);
      const { user, roles, expiresAt, issuedAt, tokenId = "" } = verified.identity;
      assertEquals([user, roles, expiresAt, issuedAt], ["alice", ["user", "admin"], NOW + 900_000, NOW]);
      assertMatch(tokenId, /^[0-9a-f-]{36}$/);

      // An independent library agrees, where it knows the algorithm.
      if (alg === "EdDSA") return;
      const file = alg === "HS256" ? `${name}.secret` : `${name}.pub.pem`;
      const key = (await Deno.readTextFile(join(folder, file))).trimEnd();
      const options = { algorithms: [alg], issuer: ISSUER, audience: "sallyport", clockTimestamp: NOW / 1000 };
      assertEquals(verify(signed, key, options).sub, "alice");
    });
  });
}

Deno.test("token puts roles where auth.roles_claim says, and the server finds them there", async () => {
  await withFolder(async (folder) => {
    await makeKeys("HS256", folder);
    const claims = [
      "roles",
      "scope",
      "realm_access.roles",
      "a.b.scope",
      "https://app.example.com/roles",
      "urn:x.y:roles",
    ];
    for (const claim of claims) {
      const path = await writeConfig(
        folder,
        `algorithms = ["HS256"]\nsecret_file = "hs256.secret"\nroles_claim = "${claim}"`,
      );
      const { out } = await run("--sub", "alice", "--role", "a", "--role", "b", "--config", path);
      const { auth } = loadConfig({ path, env: () => undefined });
      const verifier = await createVerifier(auth, { log: memoryLog(), now: () => NOW });
      const verified = await verifier.verify(out[0] ?? "");
      verifier.close();
      assertEquals(verified.ok && verified.identity.roles, ["a", "b"], claim);
    }
  });
});

Deno.test("token names its key when the server has a set of them", async () => {
  await withFolder(async (folder) => {
    await makeKeys("ES256", folder);
    const own = createPublicKey(await Deno.readTextFile(join(folder, "es256.pub.pem"))).export({ format: "jwk" });
    const keys = [jwkOf(ecPair(), { kid: "a" }), { ...own, kid: "b" }, jwkOf(ecPair(), { kid: "c" })];
    await Deno.writeTextFile(join(folder, "jwks.json"), JSON.stringify({ keys }));
    const path = await writeConfig(folder, `jwks_file = "jwks.json"\nprivate_key_file = "es256.key.pem"`);
    const { out } = await run("--sub", "alice", "--config", path);
    const { auth } = loadConfig({ path, env: () => undefined });
    const verifier = await createVerifier(auth, { log: memoryLog(), now: () => NOW });
    assertEquals((await verifier.verify(out[0] ?? "")).ok, true);
    verifier.close();
  });
});

Deno.test("token lasts an hour without --ttl, and two are never the same", async () => {
  await withFolder(async (folder) => {
    await makeKeys("HS256", folder);
    const path = await writeConfig(folder, `algorithms = ["HS256"]\nsecret_file = "hs256.secret"`);
    const tokens = await Promise.all([1, 2].map(async () => (await run("--sub", "a", "--config", path)).out[0] ?? ""));
    assertEquals(new Set(tokens).size, 2);
    const claims = jsonwebtoken.decode(tokens[0]) as { exp: number; roles?: unknown };
    assertEquals([claims.exp, claims.roles], [NOW / 1000 + 3600, undefined]);
  });
});

Deno.test("token fails in words when there is no key to sign with, and shows none", async () => {
  await withFolder(async (folder) => {
    await makeKeys("ES256", folder);
    await makeKeys("EdDSA", folder);
    const onlyPublic = await writeConfig(folder, `public_key_file = "es256.pub.pem"`);
    const none = await run("--sub", "a", "--config", onlyPublic);
    assertEquals([none.status, none.out], [1, []]);
    assertStringIncludes(none.err.join(), "private_key_file");

    const other = await writeConfig(folder, `public_key_file = "es256.pub.pem"\nprivate_key_file = "eddsa.key.pem"`);
    const wrong = await run("--sub", "a", "--config", other);
    assertEquals([wrong.status, wrong.out], [1, []]);
    assertStringIncludes(wrong.err.join(), "is not a PKCS#8 key for ES256");
    assertEquals(wrong.err.join().includes("BEGIN"), false);

    await Deno.writeTextFile(join(folder, "short"), "short", { mode: 0o600 });
    const weak = await run(
      "--sub",
      "a",
      "--config",
      await writeConfig(folder, `algorithms = ["HS256"]\nsecret_file = "short"`),
    );
    assertEquals([weak.status, weak.out], [1, []]);
    assertStringIncludes(weak.err.join(), "at least 32");
  });
});

Deno.test("token exits with 2 for a configuration that can't be read, every problem on a line", async () => {
  await withFolder(async (folder) => {
    const path = await writeConfig(folder, `algorithms = ["none"]`);
    const { status, out, err } = await run("--sub", "a", "--config", path);
    assertEquals([status, out], [2, []]);
    assertEquals(err.every((line) => line.startsWith(path)), true);
    assert(err.length >= 2);
  });
});
