/** Hostile acts: what a module tries, and what is due. The text of a module is made from the source of an act. */
import type { RawContext } from "../../../lib/mod.ts";

/** A global whose type is not known here, or is not there at all. */
export type Reached = Record<string, (...values: unknown[]) => unknown>;

/** The argument of an act. At load there is no `ctx`. */
export interface Hand {
  readonly ctx: RawContext;
  /** Lives as long as the module. */
  readonly keep: unknown[];
  readonly input: Input;
  /** A global by its name. Throws when it is not there. */
  reach(name: string): Reached;
  /** `import()`, without a specifier that a type check would follow. */
  load(specifier: string, options?: ImportCallOptions): Promise<Record<string, unknown>>;
}

/** The targets of an act. Every value is harmless to others when the act succeeds. */
export interface Input {
  /** A file outside of the module's folder. It holds the secret. */
  readonly secretFile: string;
  /** A name in the server's environment. Its value is the secret. */
  readonly secretName: string;
  /** A folder in which no file may appear. */
  readonly emptyDir: string;
  /** A port of 127.0.0.1 to which no module may connect. */
  readonly port: number;
  /** Processes of the server; none before it runs. */
  readonly pids: { readonly front: number; readonly supervisor: number; readonly neighbour: number };
}

/** When an act is done. */
export type Moment = "call" | "timer" | "open" | "close";

/**
 * The fate of the cell.
 * * `memory`: it ends, `handler.out_of_memory`.
 * * `timeout`: it ends, `handler.timeout`.
 * * `crash`: it ends, `handler.failed`.
 * * `ends`: it ends, for any of these reasons.
 * * `stays`: the same process goes on.
 * * `contained`: any of these.
 */
export type Due = "memory" | "timeout" | "crash" | "ends" | "stays" | "contained";

export interface Act {
  /** The act in a few words: the name of its test. */
  readonly name: string;
  readonly due: Due;
  /** Self-contained: only its source goes into the module. */
  readonly act: (hand: Hand) => unknown;
  /** The module takes raw frames. */
  readonly raw?: boolean;
  /** So many sessions subscribe to the topic `t` beforehand. */
  readonly audience?: number;
  /** Only these moments; default: all. */
  readonly moments?: readonly Moment[];
}

/** Every moment. */
export const MOMENTS: readonly Moment[] = ["call", "timer", "open", "close"];

/** The folder of an act's module, and its subprotocol. */
export function slug({ name }: Act): string {
  return name.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
}

/**
 * Text of a module that acts when it is told to. `open` and `close` act for the users `open` and `close`, once: a session
 * that goes on in the next cell is left alone.
 */
export function moduleText(act: Act, input: Input): string {
  return `${prelude(act, input)}
const hooks = {
  open: (ctx, { resumed }) => ctx.user.id === "open" && !resumed ? perform(ctx) : undefined,
  close: (ctx) => ctx.user.id === "close" ? perform(ctx) : undefined,
};
export default ${act.raw ? RAW : RPC};
`;
}

/** Text of a module that acts while it is loaded. */
export function loadingText(act: Act, input: Input): string {
  return `${prelude(act, input)}
await perform(undefined);
export default ({ z }) => ({ methods: { ping: { params: z.object({}), handle: () => done } } });
`;
}

function prelude({ act }: Act, input: Input): string {
  return `const { act } = { ${methodSource(act)} };
const keep = [];
const done = { begun: 0, ended: 0 };
let input = ${JSON.stringify(input)};
const reach = (name) => {
  const value = Reflect.get(globalThis, name);
  if (value === undefined) throw new TypeError("no " + name);
  return value;
};
const load = (specifier, options) => import(specifier, options);
async function perform(ctx) {
  done.begun++;
  try {
    return await act({ ctx, keep, input, reach, load });
  } finally {
    done.ended++;
  }
}`;
}

const RPC = `({ z }) => ({
  methods: {
    ping: { params: z.object({}), handle: () => done },
    follow: { params: z.object({}), handle: (_, ctx) => { ctx.subscribe("t"); return true; } },
    act: {
      params: z.any(),
      handle(params, ctx) {
        input = params;
        return perform(ctx);
      },
    },
    later: {
      params: z.any(),
      handle(params, ctx) {
        input = params;
        setTimeout(() => perform(ctx).catch(() => {}), 1);
        return true;
      },
    },
  },
  ...hooks,
})`;

const RAW = `{
  raw: {
    message(data, ctx) {
      if (data === "ping") ctx.send(JSON.stringify(done));
      if (data === "act") return perform(ctx);
      if (data === "later") setTimeout(() => perform(ctx).catch(() => {}), 1);
    },
  },
  ...hooks,
}`;

function methodSource(act: (hand: Hand) => unknown): string {
  const source = act.toString();
  if (!/^(?:async )?act ?\(/.test(source)) throw new TypeError(`An act is written as a method called act: ${source}`);
  return source;
}
