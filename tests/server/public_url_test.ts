import { publicUrl } from "../../lib/server/public_url.ts";
import { configWith } from "../helpers/admission.ts";
import { assertEquals } from "../assert.ts";

Deno.test("publicUrl() has scheme, host, bound port and path, an IPv6 address in brackets, and names a unix socket", () => {
  const base = configWith();
  const plain = { ...base, tls: undefined };
  const on = (host: string) => ({ ...plain, server: { ...plain.server, host } });
  assertEquals(publicUrl(on("127.0.0.1"), 8443), "ws://127.0.0.1:8443/ws");
  assertEquals(publicUrl(on("::1"), 1), "ws://[::1]:1/ws");
  assertEquals(
    publicUrl({ ...base, server: { ...base.server, host: "localhost", path: "/live" } }, 443),
    "wss://localhost:443/live",
  );
  assertEquals(publicUrl({ ...plain, server: { ...plain.server, unix: "/run/ws.sock" } }, 0), "unix:/run/ws.sock");
});
