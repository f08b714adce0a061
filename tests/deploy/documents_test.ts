/** docs/deployment.md, then SECURITY.md's runbook: every block in the order in which it stands, against a real server. */
import { freePort } from "../helpers/free_port.ts";
import { parse } from "@std/toml";
import { makeKeys } from "../../lib/admission/admission.ts";
import { makeCertificate } from "../../lib/tls/certificate.ts";
import { adminRequests } from "../../lib/ops/admin.ts";
import { createMetrics } from "../../lib/telemetry/metrics.ts";
import { Telemetry } from "../../lib/telemetry/telemetry.ts";
import { Bans } from "../../lib/limits/limits.ts";
import { openStore } from "../../lib/store/store.ts";
import { files, readProject, ROOT, serverFlags } from "../../tools/project.ts";
import { memoryLog } from "../helpers/admission.ts";
import { until } from "../helpers/until.ts";
import { assert, assertEquals } from "../assert.ts";
import { standIns } from "./stand_ins.ts";

/** Folders of the machine that the documents name. */
const MACHINE = /(?<![\w.])\/(?=(?:etc|usr\/local|var\/lib)\/)/g;

interface Machine {
  readonly root: string;
  readonly opsPort: number;
  /** Runs a script as the document has it, in a folder, on this machine. */
  run(script: string, folder: string): Promise<string>;
  /** A text with the machine's folders and port in place of the documents' own. */
  here(text: string): string;
}

function blocks(document: string): string {
  const text = Deno.readTextFileSync(`${ROOT}/${document}`);
  return [...text.matchAll(/^```sh\n([^]*?)^```$/gm)].map((match) => match[1]).join("\n");
}

async function withMachine(test: (machine: Machine) => Promise<void>): Promise<void> {
  const root = await Deno.makeTempDir({ prefix: "sallyport-machine-" });
  const opsPort = freePort();
  for (const folder of ["bin", "usr/local/bin", "etc/systemd/system", "etc/sysctl.d", "var/lib"]) {
    await Deno.mkdir(`${root}/${folder}`, { recursive: true });
  }
  for (const [name, text] of Object.entries(standIns({ root, opsPort }))) {
    await Deno.writeTextFile(`${root}/bin/${name}`, text, { mode: 0o755 });
  }
  const here = (text: string) => text.replaceAll(MACHINE, `${root}/`).replaceAll("9464", String(opsPort));
  const run = async (script: string, cwd: string) => {
    const { code, stdout, stderr } = await new Deno.Command("bash", {
      args: ["-euo", "pipefail", "-c", here(script)],
      cwd,
      env: { PATH: `${root}/bin:${root}/usr/local/bin:${Deno.env.get("PATH")}`, NO_COLOR: "1" },
    }).output();
    const decoder = new TextDecoder();
    const output = decoder.decode(stdout) + decoder.decode(stderr);
    assertEquals(code, 0, output + (await Deno.readTextFile(`${root}/log`).catch(() => "")));
    return output;
  };
  try {
    await test({ root, opsPort, run, here });
  } finally {
    await run("systemctl stop sallyport", root).catch(() => {});
    await Deno.remove(root, { recursive: true });
  }
}

/** The folder that the document has copied to the server: program, deploy/, handlers/, the issuer's public key. */
async function layOut(machine: Machine): Promise<string> {
  const folder = `${machine.root}/copied`;
  await Deno.mkdir(`${folder}/handlers`, { recursive: true });
  await Deno.mkdir(`${folder}/deploy`);
  const flags = serverFlags(await readProject()).join(" ");
  const program = `#!/bin/sh\nexec ${Deno.execPath()} run ${flags} ${ROOT}/main.ts "$@"\n`;
  await Deno.writeTextFile(`${folder}/sallyport`, program, { mode: 0o755 });
  await machine.run("sha256sum sallyport >SHA256SUMS", folder);
  for (const path of await files(ROOT, "deploy")) {
    const text = machine.here(await Deno.readTextFile(`${ROOT}/${path}`));
    // Any port does; 443 may be taken, or not allowed, where the tests run.
    await Deno.writeTextFile(`${folder}/${path}`, text.replace(/^port = 443\b/m, "port = 0"));
  }
  for (const path of await files(ROOT, "examples/chat")) {
    await Deno.copyFile(`${ROOT}/${path}`, `${folder}/handlers/${path.split("/").pop()}`);
  }
  await makeKeys("ES256", folder);
  return folder;
}

/** A certificate of a made-up authority, where certbot has them. */
async function certify(folder: string): Promise<void> {
  const root = await makeCertificate({ hosts: ["Root"], isCa: true });
  const ca = await makeCertificate({ hosts: ["Intermediate"], isCa: true, ca: root });
  const { cert, key } = await makeCertificate({ hosts: ["ws.example.com"], ca });
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(`${folder}/fullchain.pem`, cert);
  await Deno.writeTextFile(`${folder}/privkey.pem`, key, { mode: 0o600 });
}

/** A ban that the runbook lifts, as the server would have left it in its store. */
function ban(root: string): void {
  const deps = { log: memoryLog(), now: Date.now };
  const store = openStore({ kind: "sqlite", path: `${root}/var/lib/sallyport/state.db` }, deps);
  new Bans({ ban: 86_400_000, never_ban: [] }, { ...deps, store }).add("ip:192.0.2.7");
  store.close();
}

Deno.test("docs/deployment.md and the runbook work from the first block to the last, in their order", async () => {
  await withMachine(async (machine) => {
    const { root, opsPort } = machine;
    await certify(`${root}/etc/letsencrypt/live/ws.example.com`);
    await certify(`${root}/renewed`);
    const folder = await layOut(machine);

    const deployment = blocks("docs/deployment.md");
    const start = deployment.indexOf("systemctl start sallyport");
    assert(start > 0);
    await machine.run(deployment.slice(0, start), folder);
    ban(root);
    const shown = await machine.run(deployment.slice(start), folder);
    assert(shown.includes('"ready":true'), shown);
    const pid = () => Deno.readTextFileSync(`${root}/pid`);
    const before = pid();

    const output = await machine.run(blocks("SECURITY.md"), folder);
    assert(pid() !== before, "the runbook's restarts were real");
    assert((await machine.run(blocks("docs/operations.md"), folder)).includes('"delivered":0'));
    const token = Deno.readTextFileSync(`${root}/etc/sallyport/admin.token`);
    assert(token.length >= 43 && !output.includes(token), "the admin token was changed and never shown");
    const lines = () => Deno.readTextFileSync(`${root}/log`).split("\n").slice(0, -1).map((line) => JSON.parse(line));
    for (const event of ["tls.reloaded", "config.reloaded", "drain.finished"]) {
      await until(() => lines().some((line) => line.event === event), `${event} in the log`);
    }
    const log = lines();
    const actions = log.filter(({ event }) => event === "admin.action").map(({ action }) => action);
    assertEquals(actions, [
      ...["revoke", "lift_revocation", "revoke", "lift_ban"],
      ...["revoke", "lift_revocation", "publish"],
    ]);
    assertEquals(log.filter(({ level }) => level === "error"), []);
    const response = await fetch(`http://127.0.0.1:${opsPort}/readyz`);
    assertEquals([response.status, (await response.json()).ready], [200, true]);
    const calls = await Deno.readTextFile(`${root}/calls`);
    for (const call of ["daemon-reload", "enable sallyport", "status sallyport"]) {
      assert(calls.includes(`systemctl ${call}`), call);
    }
  });
});

Deno.test("the unit lets the service listen on the ports of the shipped configuration, and read what it names", async () => {
  await withMachine(async (machine) => {
    const folder = await layOut(machine);
    const deployment = blocks("docs/deployment.md");
    await machine.run(deployment.slice(0, deployment.indexOf("systemctl daemon-reload")), folder);
    const unit = await Deno.readTextFile(`${ROOT}/deploy/sallyport.service`);
    const toml = await Deno.readTextFile(`${ROOT}/deploy/sallyport.toml`);
    type Table = Record<string, Record<string, unknown>>;
    const { server, ops, auth, handlers } = (parse as (text: string) => Table)(toml);
    for (const port of [server!.port, ops!.port]) {
      assert(unit.includes(`\nSocketBindAllow=tcp:${port}\n`), String(port));
    }
    assertEquals(ops!.admin_token_file, "${CREDENTIALS_DIRECTORY}/admin.token");
    assert(unit.includes("\nLoadCredential=admin.token:/etc/sallyport/admin.token\n"));
    const module = (handlers as unknown as { module: string }[])[0]!.module;
    const etc = `${machine.root}/etc/sallyport`;
    for (const path of [etc, `${etc}/handlers`]) assertEquals(Deno.statSync(path).mode! & 0o777, 0o755, path);
    for (const path of ["sallyport.toml", String(auth!.public_key_file), module]) {
      assertEquals(Deno.statSync(`${etc}/${path}`).mode! & 0o777, 0o644, path);
    }
    assertEquals(Deno.statSync(`${etc}/admin.token`).mode! & 0o777, 0o600);
  });
});

Deno.test("SECURITY.md names only tests that exist", async () => {
  const text = await Deno.readTextFile(`${ROOT}/SECURITY.md`);
  const named = [...new Set([...text.matchAll(/`(tests\/[^`]+)`/g)].map((match) => match[1]!))];
  assert(named.length > 20);
  for (const path of named) {
    const tests = (await files(ROOT, path.replace(/\/$/, ""))).filter((name) => name.endsWith("_test.ts"));
    const sources = await Promise.all(tests.map((name) => Deno.readTextFile(`${ROOT}/${name}`)));
    assert(sources.some((source) => source.includes("Deno.test(")), `${path} has no test`);
  }
});

const DOCUMENTS = [
  ...["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"],
  ...(await files(ROOT, "docs")).filter((path) => path.endsWith(".md")),
  "tests/bench/README.md",
];

/** The fragments that a document's headings have on the web: lower case, without punctuation, spaces as hyphens. */
function anchors(text: string): Set<string> {
  const prose = text.replaceAll(/^```[^]*?^```$/gm, "");
  const headings = [...prose.matchAll(/^#+ (.*)$/gm)].map((match) => match[1]!);
  return new Set(headings.map((title) => title.toLowerCase().replaceAll(/[^\w\- ]/g, "").replaceAll(" ", "-")));
}

Deno.test("the documents' links lead to files and headings that exist", async () => {
  for (const document of DOCUMENTS) {
    const text = await Deno.readTextFile(`${ROOT}/${document}`);
    for (const [, target, fragment] of text.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)) {
      const url = target === ""
        ? new URL(`file://${ROOT}/${document}`)
        : new URL(target!, `file://${ROOT}/${document}`);
      await Deno.stat(url).catch(() => assert(false, `${document}: ${target}`));
      if (fragment === undefined) continue;
      assert(anchors(await Deno.readTextFile(url)).has(fragment), `${document}: ${target}#${fragment}`);
    }
  }
});

Deno.test("docs/operations.md names every request, metric and event", async () => {
  const text = await Deno.readTextFile(`${ROOT}/docs/operations.md`);
  const lacks = (name: string, as: string) => assert(text.includes(as), `docs/operations.md lacks ${name}`);
  for (const request of adminRequests()) {
    lacks(request, request.endsWith("/") ? `\`${request}` : `\`${request}\``);
  }
  const metrics = createMetrics({ telemetry: new Telemetry(), version: "1", startedAt: 0 });
  for (const [, name] of (await metrics.text()).matchAll(/^# TYPE (\S+)/gm)) lacks(name!, `\`${name}`);
  const events = new Set<string>();
  for (const path of (await files(ROOT, "lib")).filter((path) => path.endsWith(".ts"))) {
    const source = await Deno.readTextFile(`${ROOT}/${path}`);
    for (const [, event] of source.matchAll(/\blog(?:\.\w+|\[level\])\(\s*"([a-z_.]+)"/g)) events.add(event!);
  }
  assert(events.size > 30, `${events.size} events`);
  for (const event of events) lacks(event, `\`${event}\``);
});
