import { assert, assertEquals, assertMatch } from "../assert.ts";
import { optional, runs } from "../optional.ts";

const UNIT = new URL("../../deploy/sallyport.service", import.meta.url);
const PROGRAM = "/usr/local/bin/sallyport";

const NEEDS = { "systemd-analyze": runs("systemd-analyze", "--version") };

/** Runs systemd-analyze on a copy of the unit whose program exists, which `verify` insists on. */
async function analyze(...args: string[]): Promise<{ code: number; text: string }> {
  const directory = await Deno.makeTempDir();
  try {
    const unit = (await Deno.readTextFile(UNIT)).replaceAll(PROGRAM, "/usr/bin/true");
    await Deno.writeTextFile(`${directory}/sallyport.service`, unit);
    const { code, stdout, stderr } = await new Deno.Command("systemd-analyze", {
      args: [...args, `${directory}/sallyport.service`],
      env: { SYSTEMD_PAGER: "", SYSTEMD_COLORS: "0" },
    }).output();
    const decoder = new TextDecoder();
    return { code, text: decoder.decode(stdout) + decoder.decode(stderr) };
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test(optional(NEEDS, "sallyport.service passes systemd-analyze verify without a word", async () => {
  assertEquals(await analyze("verify", "--man=no"), { code: 0, text: "" });
}));

Deno.test(optional(
  NEEDS,
  "sallyport.service is exposed by at most 1.2 of 10 to systemd-analyze security",
  async () => {
    const { code, text } = await analyze("security", "--offline=true", "--threshold=12");
    const exposure = Number(/Overall exposure level for .*: ([\d.]+)/.exec(text)?.[1]);
    assert(exposure <= 1.2, text);
    assertEquals(code, 0);
  },
));

Deno.test("sallyport.service notifies, is watched, reloads by SIGHUP and outlasts the drain", async () => {
  const unit = await Deno.readTextFile(UNIT);
  for (
    const line of ["Type=notify", "NotifyAccess=main", "WatchdogSec=30", "DynamicUser=yes", "StateDirectory=sallyport"]
  ) {
    assert(unit.includes(`\n${line}\n`), line);
  }
  assertMatch(unit, /^ExecReload=\S+kill -HUP \$MAINPID$/m);
  assertMatch(unit, /^LoadCredential=admin\.token:/m);
  assertMatch(unit, /^RestartPreventExitStatus=2$/m);
  assert(Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)?.[1]) > 10, "server.drain_timeout is 10s unless configured");
});
