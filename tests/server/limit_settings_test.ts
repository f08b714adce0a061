import { limitSettings } from "../../lib/server/limit_settings.ts";
import { configWith } from "../helpers/admission.ts";
import { assertEquals } from "../assert.ts";

const LOOPBACK = ["127.0.0.0/8", "::1"];

Deno.test("limitSettings() takes loopback for shared where a proxy is before the server, and proxies always", () => {
  const base = configWith();
  const shared = (tls: boolean, server: Partial<typeof base.server>) =>
    limitSettings({ ...base, tls: tls ? base.tls : undefined, server: { ...base.server, ...server } }).shared;
  assertEquals(shared(false, { host: "127.0.0.1" }), LOOPBACK);
  assertEquals(shared(true, { host: "127.0.0.1" }), []);
  assertEquals(shared(true, { host: "0.0.0.0", trusted_proxies: ["10.0.0.0/8"] }), ["10.0.0.0/8"]);
  assertEquals(shared(true, { unix: "/run/ws.sock" }), LOOPBACK);
});
