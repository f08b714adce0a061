/** A module that tries what a handler must not do. Each method gives what it got, or throws. */
import type { Handlers, Kit } from "../../../lib/mod.ts";

type Anything = Record<string, (...args: unknown[]) => unknown>;
const at = (name: string): Anything => {
  const value: unknown = Reflect.get(globalThis, name);
  if (value === undefined) throw new Error(`no ${name}`);
  return value as Anything;
};

const tries = (kit: Kit): Record<string, (input: string) => unknown> => ({
  // files, environment, network, programs
  read_deno: (path) => at("Deno")["readTextFileSync"]!(path),
  read_import: (path) => import(`file://${path}`, { with: { type: "text" } }),
  read_fetch: (path) => (at("globalThis")["fetch"] as (url: string) => unknown)(`file://${path}`),
  env_deno: () => (at("Deno")["env"] as unknown as Anything)["toObject"]!(),
  env_process: () => at("process")["env"],
  fetch: (url) => (at("globalThis")["fetch"] as (url: string) => unknown)(url),
  connect: () => at("Deno")["connect"]!({ hostname: "127.0.0.1", port: 9 }),
  websocket: (url) => Reflect.construct(at("WebSocket") as never, [url]),
  command: () => Reflect.construct(at("Deno")["Command"] as never, ["/bin/true"]),
  ffi: () => at("Deno")["dlopen"]!("/lib/libc.so", {}),
  // modules
  import: (specifier) => import(specifier),
  get_builtin: () => at("process")["getBuiltinModule"]!("fs"),
  binding: () => at("process")["binding"]!("fs"),
  require: () => (at("globalThis")["require"] as (name: string) => unknown)("fs"),
  // threads and other cells
  worker: () =>
    Reflect.construct(at("Worker") as never, ["data:text/javascript,1", {
      type: "module",
      deno: { permissions: "inherit" },
    }]),
  broadcast: () => Reflect.construct(at("BroadcastChannel") as never, ["x"]),
  channel: () => Reflect.construct(at("MessageChannel") as never, []),
  shared: () => Reflect.construct(at("SharedArrayBuffer") as never, [1024]),
  locks: () => (at("navigator")["locks"] as unknown as Anything)["query"]!(),
  caches: () => at("caches")["open"]!("x"),
  storage: () => at("localStorage")["length"],
  wasm: () => Reflect.construct(at("WebAssembly")["Memory"] as never, [{ initial: 1 }]),
  // the process
  process_exit: () => at("process")["exit"]!(3),
  process_really_exit: () => at("process")["reallyExit"]!(3),
  process_abort: () => at("process")["abort"]!(),
  deno_exit: () => at("Deno")["exit"]!(3),
  self_close: () => (at("globalThis")["close"] as () => void)(),
  deno_kill: () => at("Deno")["kill"]!(1, "SIGKILL"),
  process_kill: () => at("process")["kill"]!(1, "SIGKILL"),
  signal: () => at("Deno")["addSignalListener"]!("SIGTERM", () => {}),
  flags: () => at("Deno")["core"],
  stdout_deno: () => (at("Deno")["stdout"] as unknown as Anything)["writeSync"]!(new Uint8Array([65])),
  stdout_process: () => (at("process")["stdout"] as unknown as Anything)["write"]!('{"event":"forged"}\n'),
  alert: () => (at("globalThis")["alert"] as (text: string) => void)("forged"),
  post_message: () => (at("globalThis")["postMessage"] as (value: unknown) => void)({ exit: 0 }),
  report_error: () => (at("globalThis")["reportError"] as (value: unknown) => void)(new Error("x")),
  // code from text
  eval: () => (0, globalThis.eval)("1 + 1"),
  function: () => Reflect.construct(Function, ["return 1"]),
  constructor: () => ((() => {}).constructor as unknown as (code: string) => () => unknown)("return this")(),
  async_constructor: () => Reflect.construct((async () => {}).constructor as never, ["return 1"]),
  generator_constructor: () => Reflect.construct((function* () {}).constructor as never, ["yield 1"]),
  zod_constructor: () => (kit.z.object.constructor as unknown as (code: string) => () => unknown)("return this")(),
  timer_text: () => setTimeout("1 + 1" as never, 0),
  // what others rely on
  pollute: () => Object.assign(Object.getPrototypeOf({}) as object, { polluted: 1 }),
  array: () => void (Array.prototype.push = () => 0),
  promise: () => void (Promise.prototype.then = (() => 1) as never),
  json: () => void (JSON.stringify = (() => "1") as never),
  map: () => void (Map.prototype.get = () => undefined),
  event_target: () => void (EventTarget.prototype.dispatchEvent = () => true),
  stack: () => Object.assign(Error, { prepareStackTrace: () => 1 }),
  console: () => Object.assign(globalThis, { console: {} }),
});

export default ((kit) => {
  const { z, method } = kit;
  const attempts = tries(kit);
  return {
    methods: {
      names: method({ params: z.object({}), handle: () => Reflect.ownKeys(globalThis).map(String) }),
      attempts: method({ params: z.object({}), handle: () => Object.keys(attempts) }),
      // What is thrown is told as a result, so that a test can see it.
      try: method({
        params: z.object({ name: z.string(), input: z.string().default("") }),
        async handle({ name, input }) {
          try {
            const got = await attempts[name]!(input);
            return { got: typeof got };
          } catch (error) {
            return { refused: String(error).slice(0, 200) };
          }
        },
      }),
      ping: method({ params: z.object({}), handle: () => "pong" }),
    },
  };
}) satisfies Handlers;
