import { Descriptors } from "../../lib/base/descriptors.ts";
import { createLog } from "../../lib/log/log.ts";
import { assertEquals } from "../assert.ts";

/** A system with so many descriptors, a clock, and a watch that looks when told. */
class System {
  free: number;
  at = 0;
  readonly events: string[] = [];
  readonly descriptors: Descriptors;

  constructor(free: number) {
    this.free = free;
    this.descriptors = new Descriptors({
      log: createLog({
        level: "debug",
        format: "json",
        write: (line) => {
          const { event, where, duration_ms } = JSON.parse(line);
          this.events.push([event, where ?? duration_ms].join(" "));
        },
      }),
      now: () => this.at,
      open: () => {
        if (this.free === 0) throw new Error("EMFILE");
        this.free--;
        return { close: () => void this.free++ };
      },
    });
  }
}

Deno.test("Descriptors holds sixteen back and gives all back at its end", () => {
  const system = new System(100);
  system.descriptors.look();
  assertEquals([system.free, system.descriptors.short], [84, false]);
  system.descriptors.look();
  assertEquals(system.free, 84);
  system.descriptors.stop();
  assertEquals([system.free, system.events], [100, []]);
});

Deno.test("Descriptors.available() leaves the reserve out, whether it is held or not", () => {
  const system = new System(100);
  assertEquals([system.descriptors.available(1000), system.descriptors.available(20)], [84, 20]);
  system.descriptors.look();
  assertEquals([system.descriptors.available(1000), system.descriptors.available(20)], [84, 20]);
  assertEquals(new System(10).descriptors.available(1000), 0);
});

Deno.test("Descriptors releases the reserve when there is nothing left, says so once, and takes it again", () => {
  const system = new System(100);
  system.descriptors.look();
  system.free = 0;
  for (let look = 0; look < 5; look++) system.descriptors.look();
  assertEquals([system.free, system.descriptors.short], [16, true]);
  // Just the reserve is no recovery, or it would be taken and given for ever.
  system.free = 19;
  system.descriptors.look();
  assertEquals(system.descriptors.short, true);
  system.free = 20;
  system.at = 700;
  system.descriptors.look();
  assertEquals([system.free, system.descriptors.short], [4, false]);
  assertEquals(system.events, ["descriptors.exhausted watch", "descriptors.recovered 700"]);
});

Deno.test("Descriptors.exhausted() acts at once, for each place that lacks descriptors", () => {
  const system = new System(100);
  system.descriptors.look();
  system.free = 0;
  system.descriptors.exhausted("front");
  system.descriptors.exhausted("front");
  assertEquals([system.free, system.descriptors.short], [16, true]);
  assertEquals(system.events, ["descriptors.exhausted front"]);
});

Deno.test("Descriptors makes do with a small reserve when a shortage lasts, and with a full one when it is over", () => {
  const system = new System(100);
  system.descriptors.look();
  system.free = 0;
  system.descriptors.look();
  system.free = 8;
  system.at = 2_999;
  system.descriptors.look();
  assertEquals(system.descriptors.short, true);
  system.at = 3_000;
  system.descriptors.look();
  assertEquals([system.free, system.descriptors.short], [4, false]);
  system.free = 15;
  system.descriptors.look();
  assertEquals(system.free, 15);
  system.free = 16;
  system.descriptors.look();
  assertEquals(system.free, 4);
});
