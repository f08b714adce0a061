import { reloadable } from "../../lib/config/config.ts";
import { AUTH, ConfigFolder, type Sections } from "../helpers/config_folder.ts";
import { assertEquals } from "../assert.ts";

const TLS = 'cert_file = "server.crt"\nkey_file = "server.key"';
const KEY = `${AUTH}public_key_file = "es256.pub.pem"\n`;
const HANDLER = 'subprotocol = "chat.v1"\nmodule = "chat.ts"\n';

const CASES: [Sections, live: string[], restart: string[]][] = [
  [{}, [], []],
  [{ tls: 'cert_file = "es256.pub.pem"\nkey_file = "hs256.secret"' }, ["tls.cert_file", "tls.key_file"], []],
  [{ admission: 'origins = ["https://b.example"]' }, ["admission.origins"], []],
  [{ limits: 'ip = { rate = 1 }\nban = "2m"\ntypes.x = { rate = 1, burst = 1 }' }, [
    "limits.ban",
    "limits.ip",
    "limits.types",
  ], []],
  [{ auth: `${AUTH}jwks_file = "keys.json"` }, ["auth.jwks_file", "auth.public_key_file"], []],
  [{ auth: `${KEY}revoked_file = "revoked.txt"\nprivate_key_file = "es256.key.pem"` }, [
    "auth.private_key_file",
    "auth.revoked_file",
  ], []],
  [{ log: 'level = "warn"' }, ["log.level"], []],
  [{ log: 'format = "pretty"' }, [], ["log.format"]],
  [{ server: "port = 1\nmax_connections = 5" }, [], ["server.max_connections", "server.port"]],
  [{ tls: `${TLS}\nhsts_max_age = "1d"` }, [], ["tls.hsts_max_age"]],
  [{ tls: null }, [], ["tls"]],
  [{ auth: `${KEY}algorithms = ["EdDSA"]\naudience = "x"` }, [], ["auth.algorithms", "auth.audience"]],
  [{ messages: "max_bytes = 1" }, [], ["messages.max_bytes"]],
  [{ handlers: [`${HANDLER}cells = 2`] }, [], ["handlers"]],
  [{ store: 'kind = "sqlite"\npath = "x.db"' }, [], ["store.kind", "store.path"]],
  [{ ops: "" }, [], ["ops"]],
  [{ cluster: 'url_file = "redis.url"\nsecret_file = "cluster.secret"' }, [], ["cluster"]],
  [{ server: "port = 1", log: 'level = "warn"' }, ["log.level"], ["server.port"]],
];

Deno.test("reloadable() tells changes that a reload applies from those that need a restart", () => {
  using fixture = new ConfigFolder();
  const old = fixture.load({ tls: TLS });
  for (const [sections, live, restart] of CASES) {
    const changes = reloadable(old, fixture.load({ tls: TLS, ...sections }));
    assertEquals(
      { live: [...changes.live].sort(), restart: [...changes.restart].sort() },
      { live, restart },
      JSON.stringify(sections),
    );
  }
});

Deno.test("reloadable() sees a change in both directions", () => {
  using fixture = new ConfigFolder();
  const old = fixture.load({ tls: TLS });
  for (const [sections] of CASES) {
    const next = fixture.load({ tls: TLS, ...sections });
    const sorted = ({ live, restart }: ReturnType<typeof reloadable>) => [[...live].sort(), [...restart].sort()];
    assertEquals(sorted(reloadable(next, old)), sorted(reloadable(old, next)));
  }
});
