import { createLog } from "../../lib/ops/log.ts";
import { createMetrics } from "../../lib/ops/metrics.ts";
import { startOpsServer } from "../../lib/ops/ops_server.ts";
import { Telemetry } from "../../lib/ops/telemetry.ts";
import { ROOT } from "../../tools/project.ts";
import { assert, assertEquals } from "../assert.ts";
import { FakeTarget } from "../ops/fake_target.ts";

/** Programs of the machine: each says how it was called. The rest of the runbook runs for real. */
const STAND_INS = ["systemctl", "journalctl", "certbot", "sallyport"];

/** The shell commands of SECURITY.md, in order. */
function runbook(): string {
  const text = Deno.readTextFileSync(`${ROOT}/SECURITY.md`);
  return [...text.matchAll(/^```sh\n([^]*?)^```$/gm)].map((match) => match[1]).join("\n");
}

Deno.test("every command of the incident runbook works, against the ops server where it is meant for that", async () => {
  const directory = await Deno.makeTempDir();
  const tokenFile = `${directory}/admin.token`;
  const adminToken = crypto.randomUUID();
  await Deno.writeTextFile(tokenFile, adminToken, { mode: 0o600 });
  const target = new FakeTarget();
  let tokenNow: string = adminToken;
  const options = {
    hostname: "127.0.0.1",
    port: 0,
    version: "1",
    metrics: createMetrics({ telemetry: new Telemetry(), version: "1", startedAt: 0 }),
    target,
    log: createLog({ level: "error", format: "json", write: () => {} }),
    // As a restart would: the token is the file's.
    get adminToken() {
      tokenNow = Deno.readTextFileSync(tokenFile).trim();
      return tokenNow;
    },
  };
  const server = startOpsServer(options);
  try {
    for (const name of STAND_INS) {
      await Deno.writeTextFile(`${directory}/${name}`, `#!/bin/sh\necho "${name} $*" >>"${directory}/calls"\n`, {
        mode: 0o755,
      });
    }
    await Deno.writeTextFile(`${directory}/sallyport.old`, "");
    const script = runbook().replaceAll("/usr/local/bin/", `${directory}/`);
    const { code, stdout, stderr } = await new Deno.Command("bash", {
      args: ["-euo", "pipefail", "-c", script],
      cwd: directory,
      env: { OPS: server.url, TOKEN_FILE: tokenFile, PATH: `${directory}:${Deno.env.get("PATH")}` },
    }).output();
    const output = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    assertEquals(code, 0, output);
    assert(!output.includes(adminToken) && !output.includes(tokenNow), "no token in what is shown");

    const revoked = target.revocations.map(([what]) => Object.keys(what)[0]);
    assertEquals(revoked, ["sub", "before"]);
    assertEquals([...target.banned.keys()], ["user:a/b"]);
    assert(tokenNow !== adminToken, "the admin token was changed");
    const calls = await Deno.readTextFile(`${directory}/calls`);
    for (const call of ["systemctl reload sallyport", "systemctl restart sallyport", "sallyport check --config"]) {
      assert(calls.includes(call), call);
    }
  } finally {
    await server.close();
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("SECURITY.md names only tests that exist", async () => {
  const text = await Deno.readTextFile(`${ROOT}/SECURITY.md`);
  const named = [...new Set([...text.matchAll(/`(tests\/[^`]+)`/g)].map((match) => match[1]!))];
  assert(named.length > 20);
  for (const path of named) await Deno.stat(`${ROOT}/${path}`);
});
