/** A command that loads modules by itself, ended while it does. */
import { assertEquals } from "../../assert.ts";
import { program } from "../../helpers/test_server.ts";
import { runs } from "../../helpers/processes.ts";
import { until } from "../../helpers/until.ts";

const CONFIGURATION = `
[admission]
origins = ["https://app.example.com"]
[auth]
algorithms = ["HS256"]
secret_file = "secret"
issuer = "https://id.example.com"
audience = "sallyport"
[[handlers]]
subprotocol = "slow.v1"
module = "slow.ts"
`;

for (const [signal, status] of [["SIGHUP", 129], ["SIGINT", 130], ["SIGTERM", 143]] as const) {
  Deno.test(`contract that ${signal} ends leaves no process and no file`, async () => {
    const dir = await Deno.realPath(await Deno.makeTempDir({ prefix: "sallyport-" }));
    try {
      await Deno.writeTextFile(`${dir}/sallyport.toml`, CONFIGURATION);
      await Deno.writeTextFile(`${dir}/secret`, "0123456789abcdef0123456789abcdef", { mode: 0o600 });
      await Deno.writeTextFile(`${dir}/slow.ts`, "await new Promise((done) => setTimeout(done, 60_000));");
      await Deno.mkdir(`${dir}/run`);
      const [file, ...args] = await program();
      const child = new Deno.Command(file!, {
        args: [...args, "contract", "--config", `${dir}/sallyport.toml`],
        env: { RUNTIME_DIRECTORY: `${dir}/run` },
        stdin: "null",
        stdout: "null",
        stderr: "null",
      }).spawn();
      let cells: number[] = [];
      await until(async () => (cells = await childrenOf(child.pid)).length > 0, "a cell");
      child.kill(signal);
      assertEquals((await child.status).code, status);
      for (const pid of cells) await until(async () => !await runs(pid), `the end of process ${pid}`);
      assertEquals([...Deno.readDirSync(`${dir}/run`)], []);
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  });
}

async function childrenOf(pid: number): Promise<number[]> {
  const { stdout } = await new Deno.Command("ps", { args: ["-o", "pid=", "--ppid", String(pid)] }).output();
  return new TextDecoder().decode(stdout).split("\n").map(Number).filter((child) => child > 0);
}
