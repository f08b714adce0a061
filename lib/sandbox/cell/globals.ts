/**
 * Reduces the globals of a cell. Every global that is not listed here is deleted before user code loads.
 *
 * Always removed: `Deno`, `process`, `Buffer`, `require`, `WebAssembly`, `Worker`, `MessageChannel`,
 * `BroadcastChannel`, `caches`, `navigator` (locks), `SharedArrayBuffer`, `postMessage`, `close`, `eval` and every
 * function constructor. A permission in the configuration restores the parts of the platform that use it.
 */

/** The language, and globals without outside effects, memory or threads of their own. */
const ALWAYS = [
  ..."Object Function Array Number parseFloat parseInt Infinity NaN undefined Boolean String Symbol Date Promise RegExp"
    .split(" "),
  ..."Error AggregateError EvalError RangeError ReferenceError SyntaxError TypeError URIError SuppressedError".split(
    " ",
  ),
  ..."globalThis JSON Math Intl Temporal ArrayBuffer Atomics DataView Map BigInt Set Iterator WeakMap WeakSet WeakRef"
    .split(" "),
  ..."Uint8Array Int8Array Uint16Array Int16Array Uint32Array Int32Array BigUint64Array BigInt64Array Uint8ClampedArray"
    .split(" "),
  ..."Float16Array Float32Array Float64Array Proxy Reflect FinalizationRegistry DisposableStack AsyncDisposableStack"
    .split(" "),
  ..."decodeURI decodeURIComponent encodeURI encodeURIComponent escape unescape isFinite isNaN console".split(" "),
  ..."queueMicrotask structuredClone setTimeout clearTimeout setInterval clearInterval setImmediate clearImmediate"
    .split(" "),
  ..."AbortController AbortSignal DOMException Event EventTarget CustomEvent".split(" "),
  ..."TextEncoder TextDecoder URL URLSearchParams URLPattern atob btoa crypto performance".split(" "),
];

/** Globals that a permission restores. */
const WITH: Record<string, string[]> = {
  net: [
    ..."fetch Headers Request Response FormData Blob File WebSocket EventSource CloseEvent MessageEvent ErrorEvent"
      .split(" "),
    ..."ReadableStream WritableStream TransformStream TextEncoderStream TextDecoderStream".split(" "),
  ],
  read: [],
  write: [],
  env: [],
  sys: [],
  import: [],
};

/** Members of `Deno` that a permission restores. Each of them checks the permission itself. */
const DENO_WITH: Record<string, string[]> = {
  net: ["connect", "connectTls", "startTls", "listen", "listenTls", "resolveDns"],
  read: [
    ..."open openSync readFile readFileSync readTextFile readTextFileSync readDir readDirSync".split(" "),
    ..."stat statSync lstat lstatSync realPath realPathSync SeekMode".split(" "),
  ],
  write: [
    ..."open openSync writeFile writeFileSync writeTextFile writeTextFileSync mkdir mkdirSync".split(" "),
    ..."remove removeSync rename renameSync truncate truncateSync SeekMode".split(" "),
  ],
  env: ["env"],
  sys: ["hostname", "loadavg", "networkInterfaces", "osRelease", "osUptime", "systemMemoryInfo", "uid", "gid"],
  import: [],
};

/**
 * Deletes every unlisted global, and `Deno` except for the members that `granted` restores. Returns the globals that
 * could not be deleted.
 */
export function reduceGlobals(granted: readonly string[]): string[] {
  const keep = new Set<PropertyKey>([...ALWAYS, ...granted.flatMap((name) => WITH[name] ?? [])]);
  const members = new Set(granted.flatMap((name) => DENO_WITH[name] ?? []));
  const given: Record<string, unknown> = {};
  for (const name of members) {
    const value: unknown = (Deno as unknown as Record<string, unknown>)[name];
    given[name] = typeof value === "function" ? value : Object.freeze(value);
  }
  given["errors"] = Deno.errors;
  const left: string[] = [];
  for (const key of Object.getOwnPropertyNames(globalThis)) {
    if (!keep.has(key) && !Reflect.deleteProperty(globalThis, key)) left.push(key);
  }
  // Getters of the platform (crypto, performance) become plain values, so that they are not evaluated again.
  for (const key of ["crypto", "performance"]) fix(key, (globalThis as unknown as Record<string, unknown>)[key]);
  if (members.size > 0) fix("Deno", Object.freeze(given));
  return left;
}

/** Makes a global immutable. */
export function fix(name: string, value: unknown): void {
  Reflect.defineProperty(globalThis, name, { value, writable: false, enumerable: false, configurable: false });
}

/** Removes the evaluation of text: `eval`, `Function` and the constructors of generator and async functions. */
export function forbidDynamicCode(): void {
  const refuse = () => {
    throw new EvalError("Code can't be made from text here");
  };
  for (const sample of [function () {}, async function () {}, function* () {}, async function* () {}]) {
    const prototype = Reflect.getPrototypeOf(sample)!;
    const stand = function () {
      refuse();
    };
    // Keeps `x instanceof Function` working.
    Reflect.defineProperty(stand, "prototype", { value: prototype, writable: false });
    Reflect.defineProperty(stand, "name", { value: (prototype.constructor as { name: string }).name });
    Reflect.defineProperty(prototype, "constructor", { value: stand, writable: true, configurable: true });
    if (prototype === Function.prototype) fix("Function", stand);
  }
  fix("eval", refuse);
}
