import { AUTH, ConfigFolder, type Sections, toml } from "../helpers/config_folder.ts";
import { assertEquals, assertStringIncludes } from "../assert.ts";

/** For each key with a secret: a configuration that names it, and the file. */
const SECRETS: [string, string, Sections][] = [
  ["tls.key_file", "server.key", { tls: 'cert_file = "server.crt"\nkey_file = "server.key"' }],
  ["auth.secret_file", "hs256.secret", { auth: `${AUTH}algorithms = ["HS256"]\nsecret_file = "hs256.secret"` }],
  ["auth.private_key_file", "es256.key.pem", {
    auth: `${AUTH}public_key_file = "es256.pub.pem"\nprivate_key_file = "es256.key.pem"`,
  }],
  ["cluster.url_file", "redis.url", { cluster: 'url_file = "redis.url"\nsecret_file = "cluster.secret"' }],
  ["cluster.secret_file", "cluster.secret", { cluster: 'url_file = "redis.url"\nsecret_file = "cluster.secret"' }],
  ["cluster.password_file", "hs256.secret", {
    cluster: 'url_file = "redis.url"\nsecret_file = "cluster.secret"\npassword_file = "hs256.secret"',
  }],
  ["cluster.key_file", "server.key", {
    cluster:
      'url_file = "redis.url"\nsecret_file = "cluster.secret"\ncert_file = "server.crt"\nkey_file = "server.key"',
  }],
  ["ops.admin_token_file", "admin.token", { ops: 'admin_token_file = "admin.token"' }],
];

Deno.test("loadConfig() refuses secrets that group or others can access", () => {
  using fixture = new ConfigFolder();
  for (const [key, name, sections] of SECRETS) {
    for (const mode of [0o600, 0o400, 0o700]) {
      Deno.chmodSync(`${fixture.dir}/${name}`, mode);
      fixture.load(sections);
    }
    for (const mode of [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o644, 0o777]) {
      Deno.chmodSync(`${fixture.dir}/${name}`, mode);
      const written = `mode 0${mode.toString(8)}), must be 0600 or 0400: chmod 600 it`;
      fixture.assertProblem(sections, key, written);
    }
    Deno.chmodSync(`${fixture.dir}/${name}`, 0o600);
  }
});

Deno.test("loadConfig() looks at the file behind a link", () => {
  using fixture = new ConfigFolder();
  const [key, name, sections] = SECRETS[0] ?? [];
  if (!key || !name || !sections) throw new Error("no case");
  Deno.renameSync(`${fixture.dir}/${name}`, `${fixture.dir}/real`);
  Deno.symlinkSync("real", `${fixture.dir}/${name}`);
  fixture.load(sections);
  Deno.chmodSync(`${fixture.dir}/real`, 0o644);
  fixture.assertProblem(sections, key, "mode 0644");
  Deno.removeSync(`${fixture.dir}/real`);
  fixture.assertProblem(sections, key, "does not exist");
});

Deno.test("loadConfig() lets pass the group bit of systemd credentials, there only and that bit only", () => {
  using fixture = new ConfigFolder();
  const write = (folder: string, mode: number) => {
    // Made again: users other than root can't write to it with mode 0440.
    Deno.mkdirSync(`${fixture.dir}/${folder}`, { recursive: true });
    Deno.writeTextFileSync(`${fixture.dir}/token.new`, "x");
    Deno.renameSync(`${fixture.dir}/token.new`, `${fixture.dir}/${folder}/admin.token`);
    Deno.chmodSync(`${fixture.dir}/${folder}/admin.token`, mode);
  };
  const sections = (folder: string) => ({ ops: `admin_token_file = "${folder}/admin.token"` });
  const variables = { CREDENTIALS_DIRECTORY: `${fixture.dir}/credentials` };
  write("credentials", 0o440);
  fixture.load({ ops: 'admin_token_file = "${CREDENTIALS_DIRECTORY}/admin.token"' }, variables);
  fixture.assertProblem(sections("credentials"), "ops.admin_token_file", "mode 0440");
  write("credentials-2", 0o440);
  fixture.assertProblem(sections("credentials-2"), "ops.admin_token_file", "mode 0440", variables);
  for (const mode of [0o460, 0o444, 0o450]) {
    write("credentials", mode);
    fixture.assertProblem(sections("credentials"), "ops.admin_token_file", "others than its owner", variables);
  }
});

Deno.test("loadConfig() refuses files that are missing or no files", () => {
  using fixture = new ConfigFolder();
  const cases: [string, string, Sections][] = [
    ...SECRETS,
    ["tls.cert_file", "server.crt", { tls: 'cert_file = "server.crt"\nkey_file = "server.key"' }],
    ["auth.public_key_file", "es256.pub.pem", {}],
    ["auth.jwks_file", "keys.json", { auth: `${AUTH}jwks_file = "keys.json"` }],
    ["auth.revoked_file", "revoked.txt", {
      auth: `${AUTH}public_key_file = "es256.pub.pem"\nrevoked_file = "revoked.txt"`,
    }],
    ["handlers[0].module", "chat.ts", {}],
  ];
  for (const [key, name, sections] of cases) {
    const path = `${fixture.dir}/${name}`;
    const { mode } = Deno.statSync(path);
    Deno.removeSync(path);
    fixture.assertProblem(sections, key, "which does not exist, must be an existing file");
    Deno.mkdirSync(path);
    fixture.assertProblem(sections, key, "which is not a file, must be a file");
    Deno.removeSync(path);
    Deno.writeTextFileSync(path, "x");
    Deno.chmodSync(path, (mode ?? 0o600) & 0o777);
    assertEquals(fixture.load(sections).server.port, 8443);
  }
});

Deno.test("loadConfig() refuses files it can't read, except the private key, which it never needs", async () => {
  using fixture = new ConfigFolder();
  Deno.writeTextFileSync(fixture.path, toml({}));
  Deno.chmodSync(`${fixture.dir}/chat.ts`, 0o000);
  assertStringIncludes(await loadUnprivileged(fixture), "handlers[0].module");
  Deno.chmodSync(`${fixture.dir}/chat.ts`, 0o644);
  assertEquals(await loadUnprivileged(fixture), "loaded");
  Deno.chmodSync(`${fixture.dir}/es256.key.pem`, 0o000);
  const auth = `${AUTH}public_key_file = "es256.pub.pem"\nprivate_key_file = "es256.key.pem"`;
  Deno.writeTextFileSync(fixture.path, toml({ auth }));
  assertEquals(await loadUnprivileged(fixture), "loaded");
});

/** Loads the configuration in a process with these permissions, and gives what comes of it. */
async function loadElsewhere(
  fixture: ConfigFolder,
  permission: string,
  prefix: readonly string[] = [],
): Promise<string> {
  const script = `${fixture.dir}/load.ts`;
  Deno.writeTextFileSync(
    script,
    `import { loadConfig } from "${new URL("../../lib/config/config.ts", import.meta.url).href}";
     try { loadConfig({ path: Deno.args[0], env: () => undefined }); console.log("loaded") }
     catch (error) { console.log(error.message) }`,
  );
  const config = `--config=${new URL("../../deno.json", import.meta.url).pathname}`;
  const [command, ...args] = [...prefix, Deno.execPath(), "run", "--no-prompt", "--no-check", config, permission];
  const { stdout, stderr } = await new Deno.Command(command!, { args: [...args, script, fixture.path] }).output();
  const decoder = new TextDecoder();
  return decoder.decode(stdout).trim() || decoder.decode(stderr);
}

/** In a process for which file modes count: root is run without the capabilities to pass over them. */
function loadUnprivileged(fixture: ConfigFolder): Promise<string> {
  const bound = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"];
  return loadElsewhere(fixture, "--allow-read", Deno.uid() === 0 ? bound : []);
}

Deno.test("loadConfig() says that a file is out of reach of this process, instead of asking", async () => {
  using fixture = new ConfigFolder();
  Deno.writeTextFileSync(fixture.path, toml({ ops: 'admin_token_file = "/etc/hostname"' }));
  assertEquals(
    await loadElsewhere(fixture, `--allow-read=${fixture.dir}`),
    `${fixture.path}: ops.admin_token_file: names "/etc/hostname", which can't be read (permission denied), ` +
      "must be a file this user can read",
  );
});
