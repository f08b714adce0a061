/** A process whose cells fail in every way, under the permissions the server has: nothing of it reaches its output. */
import { assertEquals } from "../assert.ts";

Deno.test("output of cells never reaches the server's standard output or error", async () => {
  const permissions = [
    "--cached-only",
    "--allow-net",
    "--allow-env",
    "--allow-read",
    "--allow-write",
    "--allow-run",
    "--allow-sys",
  ];
  const program = new URL("./handlers/alone.ts", import.meta.url).pathname;
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--quiet", ...permissions, program],
    cwd: new URL("../..", import.meta.url).pathname,
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  assertEquals({ code, stdout: text(stdout), stderr: text(stderr) }, { code: 7, stdout: "", stderr: "" });
});
