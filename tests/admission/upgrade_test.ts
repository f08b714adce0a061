import { assert, assertEquals } from "../assert.ts";
import { checkUpgrade } from "../../lib/admission/upgrade.ts";
import { handshake } from "../helpers/admission.ts";

type Row = readonly [name: string, headers: Record<string, string | null>, status: number | null];

const TABLE: readonly Row[] = [
  ["a proper handshake", {}, null],
  ["Upgrade in another case", { upgrade: "WebSocket" }, null],
  ["Upgrade among others", { upgrade: "h2c, websocket" }, null],
  ["Connection in another case", { connection: "uPGRADE" }, null],
  ["Connection among others, with tabs", { connection: "keep-alive,\tUpgrade\t, x" }, null],
  ["a body of no bytes", { "content-length": "0" }, null],
  ["no Upgrade", { upgrade: null }, 426],
  ["an empty Upgrade", { upgrade: "" }, 426],
  ["Upgrade to something else", { upgrade: "h2c" }, 426],
  ["Upgrade that only contains the word", { upgrade: "websocket2" }, 426],
  ["Upgrade with a version", { upgrade: "websocket/13" }, 426],
  ["Upgrade in Unicode's spaces", { upgrade: "\u00a0websocket" }, 426],
  ["no Connection", { connection: null }, 426],
  ["Connection: close", { connection: "close" }, 426],
  ["Connection that only contains the word", { connection: "upgrade-insecure" }, 426],
  ["no version", { "sec-websocket-version": null }, 426],
  ["version 8", { "sec-websocket-version": "8" }, 426],
  ["version 14", { "sec-websocket-version": "14" }, 426],
  ["version 013", { "sec-websocket-version": "013" }, 426],
  ["two versions", { "sec-websocket-version": "13, 8" }, 426],
  ["no key", { "sec-websocket-key": null }, 400],
  ["an empty key", { "sec-websocket-key": "" }, 400],
  ["a key of 15 bytes", { "sec-websocket-key": "dGhlIHNhbXBsZSBub25j" }, 400],
  ["a key of 17 bytes", { "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZSE=" }, 400],
  ["a key that is not canonical", { "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZR==" }, 400],
  ["a key without padding", { "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ" }, 400],
  ["a key in base64url", { "sec-websocket-key": "dGhlIHNhbXBsZSBub25_-Q==" }, 400],
  ["two keys", { "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ==" }, 400],
  ["two origins", { origin: "https://app.example.com, https://app.example.com" }, 400],
  ["two hosts", { host: "a, b" }, 400],
  ["no host", { host: null }, 400],
  ["a body (Vert.x CVE-2018-12541)", { "content-length": "1" }, 400],
  ["a body in chunks", { "transfer-encoding": "chunked" }, 400],
];

for (const [name, headers, status] of TABLE) {
  Deno.test(`checkUpgrade() of ${name}: ${status ?? "fine"}`, () => {
    const refusal = checkUpgrade(handshake(headers));
    assertEquals(refusal?.status ?? null, status);
    if (status === 426) {
      assertEquals(refusal?.reason, "upgrade_required");
      assertEquals(refusal?.headers?.["Sec-WebSocket-Version"], "13");
      assertEquals(refusal?.headers?.["Upgrade"], "websocket");
    }
    if (status === 400) assertEquals(refusal?.reason, "bad_request");
  });
}

Deno.test("checkUpgrade() refuses methods other than GET, as they are spelled", () => {
  for (const method of ["POST", "HEAD", "OPTIONS", "PUT", "CONNECT", "get", "GET2"]) {
    const refusal = checkUpgrade(handshake({}, "", method));
    assertEquals([refusal?.status, refusal?.reason, refusal?.headers?.Allow], [405, "method_not_allowed", "GET"]);
  }
});

Deno.test("checkUpgrade() takes linear time over long lists (ws CVE-2021-32640, websocket-extensions CVE-2020-7662)", () => {
  const hostile = [`${" ".repeat(60_000)}x`, ", ,".repeat(20_000), `a${"\t ".repeat(30_000)}b`];
  const started = performance.now();
  for (const value of hostile) {
    assertEquals(checkUpgrade(handshake({ upgrade: value }))?.status, 426);
    assertEquals(checkUpgrade(handshake({ connection: value }))?.status, 426);
  }
  // Quadratic time would take minutes, however fast the machine.
  assert(performance.now() - started < 5000);
});
