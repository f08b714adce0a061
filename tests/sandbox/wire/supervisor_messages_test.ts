import fc from "fast-check";
import {
  encodeSupervisorMessage,
  MAX_PAYLOAD_BYTES,
  SupervisorKind,
  type SupervisorMessage,
  SupervisorReader,
} from "../../../lib/sandbox/wire/supervisor_messages.ts";
import { assertEquals, assertThrows } from "../../assert.ts";
import { concat } from "../../helpers/client_frames.ts";
import { chunked, CUTS } from "./chunked.ts";

const message: fc.Arbitrary<SupervisorMessage> = fc.record({
  kind: fc.integer({ min: SupervisorKind.Begin, max: SupervisorKind.Ended }) as fc.Arbitrary<SupervisorKind>,
  request: fc.nat(2 ** 32 - 1),
  payload: fc.uint8Array({ maxLength: 200 }),
});

Deno.test("messages of the supervisor come out as they went in, at any cut", () => {
  fc.assert(fc.property(fc.array(message), CUTS, (messages, lengths) => {
    const reader = new SupervisorReader();
    const bytes = concat(...messages.map(encodeSupervisorMessage));
    const found = [...chunked(bytes, lengths)].flatMap((chunk) => [...reader.read(chunk)]);
    assertEquals(found.map(({ payload, ...rest }) => ({ ...rest, payload: [...payload] })), [
      ...messages.map(({ payload, ...rest }) => ({ ...rest, payload: [...payload] })),
    ]);
  }));
});

Deno.test("a message of an unknown kind, or too long, is refused by its header", () => {
  const header = (kind: number, length: number) => {
    const bytes = new Uint8Array(12);
    new DataView(bytes.buffer).setUint32(0, kind, true);
    new DataView(bytes.buffer).setUint32(8, length, true);
    return bytes;
  };
  for (const [kind, length] of [[0, 0], [8, 0], [SupervisorKind.Output, MAX_PAYLOAD_BYTES + 1]] as const) {
    assertThrows(() => [...new SupervisorReader().read(header(kind, length))], RangeError);
  }
  assertEquals([...new SupervisorReader().read(header(SupervisorKind.Output, MAX_PAYLOAD_BYTES))], []);
});
