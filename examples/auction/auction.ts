/**
 * An auction: each lot is a topic. Bidders bid by a method; a timer closes the lot, tells its subscribers, and writes the outcome
 * to a backend.
 *
 * It imports an npm package, so a cell loads the file that `deno task handler:bundle examples/auction/auction.ts` makes of it.
 * `AUCTION_BACKEND` has the address of the backend; the module needs `permissions = { net = ["HOST:PORT"], env = ["AUCTION_BACKEND"] }`.
 */
import currency from "currency.js";
import type { Handlers, Kit } from "../../lib/mod.ts";
import { Lots } from "./lots.ts";
import { writeOutcome } from "./backend.ts";

type Roles = "bidder" | "seller";

/** A lot's name: one segment of a topic. */
const lotName = (z: Kit["z"]) => z.string().regex(/^[a-z0-9-]{1,32}$/);

const topics = ({ z, topic }: Kit<{ roles: Roles }>) => ({
  "lot:{lot}": topic({
    description: "Bids of one lot, and its end",
    params: z.object({ lot: lotName(z) }),
    roles: ["bidder", "seller"],
    presence: ["seller"],
    events: {
      bid: z.object({ cents: z.int(), price: z.string(), by: z.string() }),
      closed: z.object({ cents: z.int(), price: z.string(), winner: z.string().nullable() }),
    },
  }),
});

/** The price for people, such as `€1,234.50`. */
const price = (cents: number): string => currency(cents, { fromCents: true, symbol: "€" }).format();

export default ((kit) => {
  const { z, method, publish, log } = kit;
  // Of this cell: with `cells` above 1, each would have lots of its own.
  const lots = new Lots();

  function close(name: string): void {
    const { cents, winner } = lots.close(name);
    publish(`lot:${name}`, "closed", { cents, price: price(cents), winner });
    writeOutcome({ lot: name, cents, winner }).catch((error) =>
      log("outcome not written", { lot: name, error: `${error}` })
    );
  }

  return {
    topics: topics(kit),
    methods: {
      "lot.open": method({
        description: "Opens a lot, which closes by itself",
        params: z.object({
          lot: lotName(z),
          from_cents: z.int().positive(),
          lasts_ms: z.int().min(100).max(86_400_000),
        }),
        result: z.object({ closes_at: z.iso.datetime() }),
        errors: { exists: { code: 1001, message: "The lot exists" } },
        roles: ["seller"],
        handle({ lot, from_cents, lasts_ms }, ctx) {
          if (lots.has(lot)) throw ctx.fail("exists");
          lots.open(lot, from_cents);
          setTimeout(() => close(lot), lasts_ms);
          return { closes_at: new Date(Date.now() + lasts_ms).toISOString() };
        },
      }),
      "lot.bid": method({
        description: "Bids on a lot: above the highest bid, or at least where it starts",
        params: z.object({ lot: lotName(z), cents: z.int().positive() }),
        result: z.object({ cents: z.int() }),
        errors: {
          too_low: { code: 1002, message: "The bid is too low", data: z.object({ least_cents: z.int() }) },
          closed: { code: 1003, message: "The lot is closed, or there is none of that name" },
        },
        roles: ["bidder"],
        examples: [{ lot: "clock", cents: 12_000 }],
        handle({ lot, cents }, ctx) {
          if (!lots.isOpen(lot)) throw ctx.fail("closed");
          const least = lots.least(lot);
          if (cents < least) throw ctx.fail("too_low", { least_cents: least });
          lots.bid(lot, cents, ctx.user.id);
          ctx.publish(`lot:${lot}`, "bid", { cents, price: price(cents), by: ctx.user.id });
          return { cents };
        },
      }),
    },
  };
}) satisfies Handlers<{ roles: Roles; topics: typeof topics }>;
