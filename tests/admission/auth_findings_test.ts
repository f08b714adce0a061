import { join } from "node:path";
import { assertEquals, assertStringIncludes } from "../assert.ts";
import { authFindings } from "../../lib/admission/admission.ts";
import type { Config } from "../../lib/config/config.ts";
import { configWith, ecPair, jwkOf, privatePem, publicPem, rsaPair, withFolder } from "../helpers/admission.ts";

/** Severity, key and text of each finding, with the given files in a folder. */
async function find(
  files: Record<string, string>,
  auth: (folder: string) => Partial<Config["auth"]>,
  fetch?: typeof globalThis.fetch,
): Promise<[string, string, string][]> {
  let found: [string, string, string][] = [];
  await withFolder(async (folder) => {
    for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(join(folder, name), text);
    const config = configWith();
    const { secret_file: _, ...base } = config.auth;
    const findings = await authFindings(
      { ...config, auth: { ...base, algorithms: ["ES256"], ...auth(folder) } },
      fetch ? { fetch } : {},
    );
    found = findings.map(({ severity, where, what }) => [severity, where, what]);
  });
  return found;
}

const [ours, other] = [ecPair(), ecPair()];

Deno.test("authFindings() finds nothing wrong with sound keys", async () => {
  const files = { pub: publicPem(ours), key: privatePem(ours), revoked: "jti:x\n# fine\n" };
  const found = await find(files, (folder) => ({
    public_key_file: join(folder, "pub"),
    private_key_file: join(folder, "key"),
    revoked_file: join(folder, "revoked"),
  }));
  assertEquals(found, []);
});

Deno.test("authFindings() reports weak keys and secrets as errors", async () => {
  const [rsa] = await find({ pub: publicPem(rsaPair(1024)) }, (folder) => ({
    algorithms: ["RS256"],
    public_key_file: join(folder, "pub"),
  }));
  assertEquals(rsa?.slice(0, 2), ["error", "auth.public_key_file"]);
  assertStringIncludes(rsa?.[2] ?? "", "1024 bits, must have at least 2048");
  for (const [length, expected] of [[31, 1], [32, 0]] as const) {
    const found = await find({ secret: `${"x".repeat(length)}\n` }, (folder) => ({
      algorithms: ["HS256"],
      secret_file: join(folder, "secret"),
    }));
    assertEquals(found.length, expected);
    assertEquals(JSON.stringify(found).includes("xxxx"), false);
  }
});

Deno.test("authFindings() reports each key of a set that can't be used, and a set without any", async () => {
  const mixed = {
    keys: [jwkOf(ours, { kid: "a" }), jwkOf(rsaPair(1024), { kid: "weak" }), { kty: "oct", k: "c2VjcmV0" }],
  };
  const set = (folder: string) => ({
    algorithms: ["ES256" as const, "RS256" as const],
    jwks_file: join(folder, "set"),
  });
  const some = await find({ set: JSON.stringify(mixed) }, set);
  assertEquals(some.map(([severity, where]) => [severity, where]), [
    ["warning", "auth.jwks_file"],
    ["warning", "auth.jwks_file"],
  ]);
  const none = await find({ set: JSON.stringify({ keys: [] }) }, set);
  assertEquals(none.map(([severity, where]) => [severity, where]), [["error", "auth.jwks_file"]]);
});

Deno.test("authFindings() warns of a jwks_url that gives no keys, and is content with one that does", async () => {
  const url = () => ({ jwks_url: "https://id.example.com/jwks" });
  const dead = await find({}, url, () => Promise.reject(new TypeError("connection refused")));
  assertEquals(dead.map(([severity, where]) => [severity, where]), [["warning", "auth.jwks_url"]]);
  const alive = () => Promise.resolve(Response.json({ keys: [jwkOf(ours, { kid: "a" })] }));
  assertEquals(await find({}, url, alive), []);
});

Deno.test("authFindings() reports a private key that is none, or of another pair", async () => {
  const auth = (folder: string) => ({ public_key_file: join(folder, "pub"), private_key_file: join(folder, "key") });
  const foreign = await find({ pub: publicPem(ours), key: privatePem(other) }, auth);
  assertEquals(foreign.map(([severity, where]) => [severity, where]), [["warning", "auth.private_key_file"]]);
  const none = await find({ pub: publicPem(ours), key: "secret nonsense" }, auth);
  assertEquals(none.map(([severity, where]) => [severity, where]), [["error", "auth.private_key_file"]]);
  assertEquals(JSON.stringify(none).includes("secret nonsense"), false);
});

Deno.test("authFindings() reports lines of revoked_file that revoke nothing", async () => {
  const found = await find({ pub: publicPem(ours), revoked: "alice\njti:x\n" }, (folder) => ({
    public_key_file: join(folder, "pub"),
    revoked_file: join(folder, "revoked"),
  }));
  assertEquals(found.map(([severity, where]) => [severity, where]), [["error", "auth.revoked_file"]]);
  assertStringIncludes(found[0]?.[2] ?? "", "line 1");
});

Deno.test("authFindings() reports a last line of revoked_file without its newline", async () => {
  const found = await find({ pub: publicPem(ours), revoked: "jti:x\njti:y" }, (folder) => ({
    public_key_file: join(folder, "pub"),
    revoked_file: join(folder, "revoked"),
  }));
  assertEquals(found.map(([severity, where]) => [severity, where]), [["error", "auth.revoked_file"]]);
  assertStringIncludes(found[0]?.[2] ?? "", "line 2: has no newline at its end");
});
