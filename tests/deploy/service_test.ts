import { assert, assertEquals, assertMatch } from "../assert.ts";
import { optional, runs } from "../helpers/optional.ts";

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

/** Settings that a server with JIT compilation, a network and unix sockets can't have; the rest has no use beside the others. */
const NOT_SET = [
  "DeviceAllow=",
  "IPAddressDeny=",
  "MemoryDenyWriteExecute=",
  "PrivateNetwork=",
  "RestrictAddressFamilies=~AF_(INET|INET6)",
  "RestrictAddressFamilies=~AF_UNIX",
  "RootDirectory=/RootImage=",
  "SystemCallFilter=~@resources",
];

Deno.test(optional(
  NEEDS,
  "sallyport.service has every setting that systemd-analyze security asks for, save those that a server can't have",
  async () => {
    const { text } = await analyze("security", "--offline=true", "--json=short");
    const settings = JSON.parse(text) as { name: string; set: boolean }[];
    assert(settings.length > 70, text);
    assertEquals(settings.filter(({ set }) => !set).map(({ name }) => name).sort(), NOT_SET);
  },
));

/** Confinement that systemd-analyze does not ask for, or takes as implied by another setting. Each stands by itself. */
const CONFINEMENT = [
  "DynamicUser=yes",
  "StateDirectory=sallyport",
  "StateDirectoryMode=0700",
  "RuntimeDirectory=sallyport",
  "RuntimeDirectoryMode=0700",
  "UMask=0077",
  "CapabilityBoundingSet=",
  "AmbientCapabilities=",
  "NoNewPrivileges=yes",
  "ProtectSystem=strict",
  "ProtectHome=yes",
  "PrivateTmp=yes",
  "PrivateDevices=yes",
  "PrivateUsers=yes",
  "PrivateIPC=yes",
  "PrivateMounts=yes",
  "ProtectProc=invisible",
  "ProcSubset=pid",
  "ProtectClock=yes",
  "ProtectControlGroups=yes",
  "ProtectHostname=yes",
  "ProtectKernelLogs=yes",
  "ProtectKernelModules=yes",
  "ProtectKernelTunables=yes",
  "DevicePolicy=closed",
  "RemoveIPC=yes",
  "KeyringMode=private",
  "NoExecPaths=/",
  "ExecPaths=/usr/local/bin/sallyport /usr/bin/kill /usr/lib -/usr/lib64 -/usr/local/bin/deno",
  "InaccessiblePaths=-/boot -/media -/mnt",
  "SystemCallFilter=@system-service @pkey",
  "SystemCallFilter=~@privileged @resources @mount @swap @reboot @module @raw-io @debug @cpu-emulation @obsolete @clock",
  "SystemCallFilter=setpriority",
  "SystemCallErrorNumber=EPERM",
  "SystemCallArchitectures=native",
  "RestrictNamespaces=yes",
  "RestrictRealtime=yes",
  "RestrictSUIDSGID=yes",
  "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX",
  "LockPersonality=yes",
  "IPAddressAllow=any",
  "SocketBindDeny=any",
  "SocketBindAllow=tcp:443",
  "SocketBindAllow=tcp:8443",
  "SocketBindAllow=tcp:9464",
  "LimitNOFILE=65536",
  "LimitCORE=0",
  "TasksMax=1024",
  "MemoryMax=2G",
  "MemorySwapMax=0",
  "OOMPolicy=continue",
];

Deno.test("sallyport.service has each line of its confinement", async () => {
  const unit = (await Deno.readTextFile(UNIT)).split("\n");
  assertEquals(CONFINEMENT.filter((line) => !unit.includes(line)), []);
});

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
