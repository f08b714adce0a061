/** The servers under comparison: how each is started, and the path of each of its services. */
import { AUDIENCE, type Fixtures, ISSUER, ORIGIN } from "./fixtures.ts";
import type { Target } from "./load/connection.ts";
import { DENO, readProject, ROOT, serverFlags } from "../../tools/project.ts";
import { type ServerProcess, startServer } from "./server_process.ts";
import { sallyportConfig } from "./sallyport_config.ts";

/**
 * `whole`: JSON-RPC echo with all checks. `bare`: echo of the same text without any. `raw`: echo of a raw text.
 * `room`, `publish`: the two sides of a broadcast. `admitted`: handshakes with origin and token checked.
 */
export type Service = "whole" | "bare" | "raw" | "room" | "publish" | "admitted";

type Offer = readonly [Service, { readonly path: string; readonly subprotocol?: string }];

export interface Contestant {
  readonly name: string;
  readonly services: ReadonlyMap<Offer[0], Offer[1]>;
  start(): Promise<ServerProcess>;
}

/** The part of a job that names a service. */
export function target(
  contestant: Contestant,
  service: Service,
  port: number,
  fixtures: Fixtures,
  token: string,
): Target {
  const found = contestant.services.get(service);
  if (found === undefined) throw new TypeError(`${contestant.name} has no ${service}`);
  return { ...found, port, token, caPem: fixtures.caPem, origin: ORIGIN };
}

/** Whether a program can be run from PATH. */
async function present(command: string): Promise<boolean> {
  try {
    return (await new Deno.Command(command, { args: ["--version"], stdout: "null", stderr: "null" }).output()).success;
  } catch {
    return false;
  }
}

const BASELINE = new Map(
  [
    ["bare", { path: "/ws" }],
    ["raw", { path: "/ws" }],
    ["room", { path: "/room" }],
    ["publish", { path: "/publish" }],
  ] as const,
);

const CHECKED: readonly Offer[] = [
  ["whole", { path: "/checked", subprotocol: "echo.v1" }],
  ["admitted", { path: "/checked", subprotocol: "echo.v1" }],
];

const SALLYPORT = new Map(
  [
    ["whole", { path: "/ws", subprotocol: "echo.v1" }],
    ["admitted", { path: "/ws", subprotocol: "echo.v1" }],
    ["raw", { path: "/ws", subprotocol: "raw.v1" }],
    ["room", { path: "/ws", subprotocol: "room.v1" }],
    ["publish", { path: "/ws", subprotocol: "room.v1" }],
  ] as const,
);

function script(name: string): string {
  return new URL(`servers/${name}`, import.meta.url).pathname;
}

/** Sallyport with the permissions it always runs with, and another file of settings. */
export async function startSallyport(config: string): Promise<ServerProcess> {
  const flags = serverFlags(await readProject());
  return startServer({ command: DENO, args: ["run", ...flags, "main.ts", "serve", "--config", config], cwd: ROOT });
}

/** Every contestant this machine can run, Sallyport first. */
export async function contestants(fixtures: Fixtures, only?: ReadonlySet<string>): Promise<Contestant[]> {
  const { certFile, keyFile, publicKeyPem, packages } = fixtures;
  const settings = { certFile, keyFile, publicKeyPem, packages, origin: ORIGIN, issuer: ISSUER, audience: AUDIENCE };
  const env = { BENCH_SERVER: JSON.stringify(settings) };
  const denoArgs = [
    "run",
    "--quiet",
    "--no-prompt",
    "-A",
    "--config",
    `${ROOT}/deno.json`,
  ];
  // The same server has the same space for new objects.
  const v8Flags = serverFlags(await readProject()).filter((flag) => flag.startsWith("--v8-flags="));
  const all: Contestant[] = [];
  for (const engine of ["edge", "serve"] as const) {
    const config = `${fixtures.directory}/${engine}.toml`;
    await Deno.writeTextFile(config, sallyportConfig(engine, fixtures));
    all.push({ name: `sallyport ${engine}`, services: new Map(SALLYPORT), start: () => startSallyport(config) });
  }
  all.push({
    name: "sallyport edge unsandboxed",
    services: new Map([["whole", { path: "/ws", subprotocol: "echo.v1" }]]),
    start: () =>
      startServer({
        command: DENO,
        args: [...denoArgs, ...v8Flags, script("in_main.ts"), `${fixtures.directory}/edge.toml`],
        env: {},
      }),
  });
  all.push({
    name: "Deno.serve",
    services: new Map([...BASELINE, ...CHECKED]),
    start: () => startServer({ command: DENO, args: [...denoArgs, script("deno_serve.ts")], env }),
  });
  if (await present("node")) {
    all.push({
      name: "ws",
      services: new Map([...BASELINE, ...CHECKED]),
      start: () => startServer({ command: "node", args: [script("ws.mjs")], env }),
    });
  }
  if (await present("bun")) {
    all.push({
      name: "Bun.serve",
      services: new Map(BASELINE),
      start: () => startServer({ command: "bun", args: [script("bun.mjs")], env }),
    });
  }
  return all.filter(({ name }) => only === undefined || only.has(name));
}
