/** The texts that wait before a busy cell. Their order is in fairness_test.ts. */
import { CellBacklog } from "../../../lib/sandbox/host/cell_backlog.ts";
import { Seat } from "../../../lib/sandbox/host/seat.ts";
import { ToCell } from "../../../lib/sandbox/wire/operations.ts";
import type { CellClient } from "../../../lib/sandbox/sandbox.ts";
import { assertEquals } from "../../assert.ts";

const seat = new Seat(1, { user: { id: "ann", roles: [], claims: {} } } as unknown as CellClient);

Deno.test("CellBacklog keeps its own copy of each text that waits", () => {
  const backlog = new CellBacklog();
  const memory = new Uint8Array(5000);
  const lengths = [0, 1, 255, 256, 257, 2048, 5000, ...new Array(100).fill(200)];
  lengths.forEach((length, index) => {
    const text = memory.subarray(0, length).fill(index % 251 + 1);
    backlog.add(seat, ToCell.Call, index + 1, 0, text);
  });
  memory.fill(0);
  assertEquals(backlog.bytes, lengths.reduce((sum, length) => sum + length, 0));
  lengths.forEach((length, index) => {
    const { call, text } = backlog.next()!;
    assertEquals([call, text], [index + 1, new Uint8Array(length).fill(index % 251 + 1)], `${length} bytes`);
  });
  assertEquals([backlog.next(), backlog.size, backlog.bytes], [undefined, 0, 0]);
});
