/** A module that uses all that a contract can say. */
import { z } from "zod";
import type { Kit } from "../../lib/mod.ts";

const handle = () => null;

export const Tree = z.object({
  name: z.string(),
  get children() {
    return z.array(Tree);
  },
});
const Price = z.object({ cents: z.int().positive(), currency: z.enum(["EUR", "USD"]) }).meta({ id: "Price" });

/** An auction, more or less. */
export function everything({ topic }: Kit): unknown {
  return {
    topics: {
      "lot:{lot}": topic({
        description: "Bids of one lot, with a trap: */ and `${1}`",
        params: z.object({ lot: z.enum(["a", "b"]) }),
        roles: ["user", "guest"],
        allow: () => true,
        recheck: "5m",
        publish: ["user"],
        presence: ["admin"],
        events: {
          bid: z.object({ price: Price, at: z.string().default("now") }),
          closed: z.object({ lot: z.string(), winner: z.string().nullable() }),
        },
      }),
      "tree/{id}/of-{owner}": topic({
        params: z.object({ id: z.string().max(10), owner: z.string() }),
        roles: ["admin"],
        events: { grown: Tree },
      }),
      "news": topic({ events: { "item": z.string(), "odd:name-1": z.unknown() } as never }),
    },
    methods: {
      "lot.bid": {
        description: "Bids */ on a lot",
        params: z.strictObject({ note: z.string().max(10).optional(), lot: z.string().min(1), price: Price }),
        result: z.object({ highest: Price, others: z.array(Price), tree: Tree.optional() }),
        errors: {
          too_low: { code: 1001, message: "Bid too low", data: z.object({ highest: Price }) },
          closed: { code: 1002, message: "Lot is closed" },
        },
        roles: ["user"],
        cost: 3,
        examples: [{ lot: "a", price: { cents: 5, currency: "EUR" } }],
        handle,
      },
      "lot.list": { params: z.object({}), result: z.record(z.string(), Price), public: true, handle },
      "sum": { params: z.tuple([z.number(), z.number().optional()]), result: z.number(), handle },
      "tagged": {
        params: z.discriminatedUnion("kind", [
          z.object({ kind: z.literal("a"), x: z.string() }),
          z.object({ kind: z.literal("b"), y: z.union([z.number(), z.null()]) }),
        ]),
        handle,
      },
      "tree": { params: Tree, result: Tree, handle },
      "admin.only": { params: z.object({}), roles: ["admin"], handle },
    },
  };
}
