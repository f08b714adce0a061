/** The callable parts of a module: methods, the handler of raw frames, hooks. */
import type { HandlerObject, RpcHandlers } from "../author/handlers.ts";
import { Callable } from "./callable.ts";
import { isRaw } from "./module_shape.ts";

export class ModuleCalls {
  /** In the order of the contract. */
  readonly methods: readonly Callable[];
  /** The handler of raw frames. */
  readonly raw: Callable | undefined;
  readonly opens: Callable | undefined;
  readonly closes: Callable | undefined;

  /** `maxBytes` bounds what one answer of the module may have. */
  constructor(handlers: HandlerObject, maxBytes: () => number) {
    this.opens = hook(handlers, "open");
    this.closes = hook(handlers, "close");
    if (isRaw(handlers)) {
      const { raw } = handlers;
      const handle = (data: never, ctx: never) => raw.message(data, ctx);
      this.raw = new Callable({ name: "message", params: raw.schema, silent: true, maxBytes, handle });
      this.methods = [];
    } else {
      this.methods = Object.entries((handlers as RpcHandlers).methods).map(([name, method]) => {
        const { params, result, errors } = method;
        const handle = (input: never, ctx: never) => method.handle(input, ctx);
        return new Callable({ name, params, result, errors, maxBytes, handle });
      });
    }
  }
}

function hook(handlers: HandlerObject, name: "open" | "close"): Callable | undefined {
  const run = handlers[name] as ((ctx: never, input: never) => unknown) | undefined;
  if (run === undefined) return undefined;
  return new Callable({
    name,
    silent: true,
    maxBytes: () => 0,
    handle: (input, ctx) => run.call(handlers, ctx, input),
  });
}
