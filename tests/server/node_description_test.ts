import type { Config } from "../../lib/config/config.ts";
import type { Contract, HandlerModule } from "../../lib/sandbox/sandbox.ts";
import { fingerprintOf, machineName } from "../../lib/server/node_description.ts";
import { ConfigFolder, type Sections } from "../helpers/config_folder.ts";
import { assertEquals, assertMatch, assertNotEquals } from "../assert.ts";

function modules(params: Record<string, unknown> = { type: "object" }): ReadonlyMap<string, HandlerModule> {
  const method = { name: "send", cost: 1, params };
  const contract: Contract = { kind: "rpc", binary: false, methods: new Map([["send", method]]), topics: new Map() };
  return new Map([["chat.v1", { contract } as HandlerModule]]);
}

const PATHS: Sections = {
  server: "port = 9000\nmax_connections = 5",
  auth: 'issuer = "https://id.example.com"\njwks_file = "keys.json"',
  ops: "port = 1",
  store: 'kind = "sqlite"\npath = "state.db"',
};

Deno.test("fingerprintOf() is the same for what nodes may have of their own", () => {
  using fixture = new ConfigFolder();
  const of = (sections: Sections) => fingerprintOf(fixture.load(sections), modules());
  assertMatch(of({}), /^[0-9a-f]{16}$/);
  assertEquals(of(PATHS), of({}));
  const origins = (...list: string[]) => ({ admission: `origins = ${JSON.stringify(list)}` });
  assertEquals(
    of(origins("https://a.example", "https://b.example")),
    of(origins("https://b.example", "https://a.example")),
  );
});

Deno.test("fingerprintOf() is another one for what decides about clients, and for another contract", () => {
  using fixture = new ConfigFolder();
  const of = (config: Config) => fingerprintOf(config, modules());
  const own = of(fixture.load());
  const AUTH = 'public_key_file = "es256.pub.pem"\n';
  const changes: Sections[] = [
    { admission: 'origins = ["https://b.example"]' },
    { auth: `${AUTH}issuer = "https://other.example"` },
    { auth: `${AUTH}issuer = "https://id.example.com"\nalgorithms = ["EdDSA"]` },
    { auth: `${AUTH}issuer = "https://id.example.com"\nrequired_role = "user"` },
    { limits: "user = { rate = 99 }" },
    { limits: '[limits.types."a"]\nrate = 1\nburst = 1' },
    { messages: "max_bytes = 100" },
    { server: "max_connections_per_user = 5" },
  ];
  for (const sections of changes) assertNotEquals(of(fixture.load(sections)), own, JSON.stringify(sections));
  assertNotEquals(fingerprintOf(fixture.load(), modules({ type: "object", required: ["text"] })), own);
  assertNotEquals(fingerprintOf(fixture.load(), new Map()), own);
});

Deno.test("machineName() is the machine's, and the host where that can't be read", () => {
  using fixture = new ConfigFolder();
  const config = fixture.load({ server: 'host = "127.0.0.2"' });
  const file = `${fixture.dir}/hostname`;
  assertEquals(machineName(config, file), "127.0.0.2");
  Deno.writeTextFileSync(file, "node-7\n");
  assertEquals(machineName(config, file), "node-7");
  Deno.writeTextFileSync(file, "\n");
  assertEquals(machineName(config, file), "127.0.0.2");
});
