/**
 * What user code finds in a cell. Everything of the platform that is not on a list here is deleted before it loads.
 *
 * Gone for all: `Deno`, `process`, `Buffer`, `require`, `WebAssembly`, `Worker`, `MessageChannel`, `BroadcastChannel`, `caches`,
 * `navigator` (locks), `SharedArrayBuffer`, `postMessage`, `close`, `eval` and every function constructor. What a
 * module is granted in the configuration brings back the parts of the platform that use it.
 */

/** The language, and what neither reaches outside nor holds memory or threads of its own. */
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

/** Globals that come back with a grant. */
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

/** Members of `Deno` that come back with a grant; all of them ask for the permission themselves. */
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

/** Deletes every global that is not listed, and `Deno` but for what `granted` brings back. Returns what could not be deleted. */
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
  // Getters of the platform (crypto, performance) become plain values, so that nothing asks again.
  for (const key of ["crypto", "performance"]) fix(key, (globalThis as unknown as Record<string, unknown>)[key]);
  if (members.size > 0) fix("Deno", Object.freeze(given));
  return left;
}

/** Makes a global a value that can't be replaced. */
export function fix(name: string, value: unknown): void {
  Reflect.defineProperty(globalThis, name, { value, writable: false, enumerable: false, configurable: false });
}

/** Takes away text that becomes code: `eval`, `Function` and its three hidden sisters. */
export function forbidDynamicCode(): void {
  const refuse = () => {
    throw new EvalError("Code can't be made from text here");
  };
  for (const sample of [function () {}, async function () {}, function* () {}, async function* () {}]) {
    const prototype = Reflect.getPrototypeOf(sample)!;
    const stand = function () {
      refuse();
    };
    // `x instanceof Function` goes on working.
    Reflect.defineProperty(stand, "prototype", { value: prototype, writable: false });
    Reflect.defineProperty(stand, "name", { value: (prototype.constructor as { name: string }).name });
    Reflect.defineProperty(prototype, "constructor", { value: stand, writable: true, configurable: true });
    if (prototype === Function.prototype) fix("Function", stand);
  }
  fix("eval", refuse);
}
