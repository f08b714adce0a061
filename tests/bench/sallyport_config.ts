import { AUDIENCE, type Fixtures, ISSUER, ORIGIN } from "./fixtures.ts";

const WIDE = "{ rate = 1000000, burst = 100000000 }";

const WIDE_CAPS = `max_connections = 100000
max_connections_per_ip = 100000
max_connections_per_user = 100000
`;

const WIDE_LIMITS = `[limits]
handshake = ${WIDE}
handshake_user = ${WIDE}
ip = ${WIDE}
connection = { rate = 1000000, burst = 100000000, bytes_rate = "1GiB", bytes_burst = "64GiB" }
user = ${WIDE}
[limits.types.echo]
rate = 1000000
burst = 100000000
`;

/**
 * With `limits` "wide", a configuration with every check on and every limit out of the way: each bucket is taken from for each message and
 * never empty, so that what a check costs is measured and what it refuses is not. With "default", the documented limits.
 * There are `floods` further modules that flood the front when they are asked to.
 */
export function sallyportConfig(
  engine: "edge" | "serve",
  fixtures: Fixtures,
  limits: "wide" | "default" = "wide",
  floods = 0,
): string {
  const module = (subprotocol: string, file: string) => `
[[handlers]]
subprotocol = "${subprotocol}"
module = ${JSON.stringify(new URL(`handlers/${file}`, import.meta.url).pathname)}
`;
  const handlers = ["echo", "raw", "room"].map((name) => module(`${name}.v1`, `${name}.mjs`));
  for (let i = 0; i < floods; i++) handlers.push(module(`flood${i}.v1`, "flood.mjs"));
  return `[server]
port = 0
engine = "${engine}"
${limits === "wide" ? WIDE_CAPS : ""}
[tls]
cert_file = "${fixtures.certFile}"
key_file = "${fixtures.keyFile}"

[admission]
origins = ["${ORIGIN}"]

[auth]
algorithms = ["ES256"]
public_key_file = "${fixtures.publicKeyFile}"
issuer = "${ISSUER}"
audience = "${AUDIENCE}"

${limits === "wide" ? WIDE_LIMITS : ""}${handlers.join("")}`;
}
