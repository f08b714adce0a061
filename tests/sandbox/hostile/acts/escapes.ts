/** Ways out of the cell: processes, signals, exit codes, threads, files, the network, the environment, other modules. */
import type { Act } from "../act.ts";

export const escapes: readonly Act[] = [
  {
    name: "Deno.exit",
    due: "contained",
    act() {
      Deno.exit(0);
    },
  },
  {
    name: "process.exit, reallyExit and abort",
    due: "contained",
    act({ reach }) {
      for (const name of ["exit", "reallyExit", "abort"]) {
        try {
          reach("process")[name]!(0);
        } catch {
          // the next one
        }
      }
    },
  },
  {
    name: "closing its own worker",
    due: "contained",
    act({ reach }) {
      Reflect.apply(reach("close") as never, globalThis, []);
    },
  },
  {
    name: "a signal to itself",
    due: "contained",
    act() {
      Deno.kill(Deno.pid, "SIGSEGV");
    },
  },
  {
    name: "stopping itself by a signal",
    due: "contained",
    moments: ["call"],
    act() {
      Deno.kill(Deno.pid, "SIGSTOP");
    },
  },
  {
    name: "signals to the server's processes",
    due: "contained",
    moments: ["call", "timer"],
    act({ input, reach }) {
      for (const pid of [input.pids.front, input.pids.supervisor, input.pids.neighbour, Deno.ppid]) {
        for (const owner of ["Deno", "process"]) {
          try {
            // 0 and below mean groups of processes, this test's included.
            if (pid > 1) reach(owner)["kill"]!(pid, "SIGKILL");
          } catch {
            // the next one
          }
        }
      }
    },
  },
  {
    name: "listening to signals that would end it",
    due: "contained",
    act() {
      for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) Deno.addSignalListener(signal, () => {});
    },
  },
  {
    name: "a child process",
    due: "contained",
    async act({ input, load }) {
      const made = `${input.emptyDir}/child`;
      try {
        new Deno.Command("touch", { args: [made] }).outputSync();
      } catch {
        // the next way
      }
      const { spawnSync } = await load("node:child_process") as { spawnSync(name: string, args: string[]): void };
      spawnSync("touch", [made]);
    },
  },
  {
    name: "a native library",
    due: "contained",
    act() {
      Deno.dlopen("/lib/x86_64-linux-gnu/libc.so.6", { abort: { parameters: [], result: "void" } }).symbols.abort();
    },
  },
  {
    name: "workers that never end",
    due: "contained",
    async act({ load, reach }) {
      try {
        for (let i = 0; i < 4; i++) {
          const options = { type: "module", deno: { permissions: "inherit" } };
          Reflect.construct(reach("Worker") as never, ["data:text/javascript,for(;;);", options]);
        }
      } catch {
        // the next way
      }
      const { Worker } = await load("node:worker_threads") as { Worker: never };
      Reflect.construct(Worker, ["for(;;);", { eval: true }]);
    },
  },
  {
    name: "flags of the engine",
    due: "contained",
    async act({ load }) {
      const { setFlagsFromString } = await load("node:v8") as { setFlagsFromString(flag: string): void };
      for (const flag of ["--max-old-space-size=8000", "--single-threaded", "--allow-natives-syntax"]) {
        setFlagsFromString(flag);
      }
    },
  },
  {
    name: "a file outside of its folder",
    due: "contained",
    async act({ ctx, input, load, reach }) {
      const got: unknown[] = [];
      const tries: (() => unknown)[] = [
        () => Deno.readTextFileSync(input.secretFile),
        () => load(`file://${input.secretFile}`, { with: { type: "text" } }),
        () => load(`file://${input.secretFile}`, { with: { type: "json" } }),
        () => load(input.secretFile, { with: { type: "bytes" } }),
        () => load(`../../${input.secretFile.split("/").pop()}`, { with: { type: "text" } }),
        async () => await (await (reach("fetch") as unknown as typeof fetch)(`file://${input.secretFile}`)).text(),
        async () =>
          ((await load("node:fs")) as unknown as typeof import("node:fs")).readFileSync(input.secretFile, "utf8"),
      ];
      for (const attempt of tries) {
        try {
          const value = await attempt();
          got.push(typeof value === "string" ? value : { ...(value as object) });
        } catch (error) {
          got.push(String(error));
        }
      }
      const [found] = JSON.stringify(got).match(/sesame-[0-9a-f-]+/) ?? [];
      if (found !== undefined) ctx.log(found);
      return got;
    },
  },
  {
    name: "a file outside of its folder, by a symbolic link",
    due: "contained",
    async act({ ctx, load }) {
      const got: unknown[] = [];
      const links = ["./link.ts", "./link.json", "./link.txt", "./folder/secret.ts", "./folder/secret.json"];
      for (const link of links) {
        for (const type of [undefined, "json", "text", "bytes"]) {
          try {
            const loaded = await load(link, type === undefined ? {} : { with: { type } });
            const value = loaded["default"];
            got.push(value instanceof Uint8Array ? new TextDecoder().decode(value) : { ...loaded });
          } catch (error) {
            got.push(String(error));
          }
        }
      }
      const [found] = JSON.stringify(got).match(/sesame-[0-9a-f-]+/) ?? [];
      if (found !== undefined) ctx.log(found);
      return got;
    },
  },
  {
    name: "a file written",
    due: "contained",
    async act({ input, load }) {
      try {
        Deno.writeTextFileSync(`${input.emptyDir}/a`, "x");
      } catch {
        // the next way
      }
      const { writeFileSync } = await load("node:fs") as { writeFileSync(path: string, text: string): void };
      writeFileSync(`${input.emptyDir}/b`, "x");
    },
  },
  {
    name: "the environment of the server",
    due: "contained",
    async act({ ctx, input, load, reach }) {
      const got: unknown[] = [];
      const tries: (() => unknown)[] = [
        () => Deno.env.get(input.secretName),
        () => ({ ...(reach("process")["env"] as object) }),
        () => Deno.readTextFileSync("/proc/self/environ"),
        () => Deno.readTextFileSync(`/proc/${input.pids.front}/environ`),
        async () => ({ ...((await load("node:process"))["env"] as object) }),
      ];
      for (const attempt of tries) {
        try {
          got.push(await attempt());
        } catch (error) {
          got.push(String(error));
        }
      }
      const [found] = JSON.stringify(got).match(/sesame-[0-9a-f-]+/) ?? [];
      if (found !== undefined) ctx.log(found);
      return got;
    },
  },
  {
    name: "the network",
    due: "contained",
    async act({ input, load, reach }) {
      const tries: (() => unknown)[] = [
        () => Deno.connect({ hostname: "127.0.0.1", port: input.port }),
        () => (reach("fetch") as unknown as typeof fetch)(`http://127.0.0.1:${input.port}/`),
        () => Reflect.construct(reach("WebSocket") as never, [`ws://127.0.0.1:${input.port}/`]),
        () => load(`http://127.0.0.1:${input.port}/x.js`),
        async () => ((await load("node:net")) as unknown as typeof import("node:net")).connect(input.port, "127.0.0.1"),
      ];
      for (const attempt of tries) {
        try {
          await attempt();
        } catch {
          // the next way
        }
      }
    },
  },
  {
    name: "modules that are not its own",
    due: "contained",
    async act({ load }) {
      const specifiers = [
        "node:fs",
        "node:child_process",
        "node:process",
        "node:module",
        "npm:left-pad",
        "jsr:@std/assert",
        "data:text/javascript,globalThis.x = 1; export default 1",
        "blob:null/1",
        "ext:core/ops",
        "file:///etc/passwd",
        "../../../../etc/passwd",
      ];
      for (const specifier of specifiers) await load(specifier).catch(() => {});
    },
  },
  {
    name: "code made from text",
    due: "contained",
    act() {
      const make = (() => {}).constructor as unknown as (text: string) => () => unknown;
      return String(make("return typeof Deno")());
    },
  },
  {
    name: "an unhandled rejection",
    due: "crash",
    act() {
      void Promise.reject(new Error("nobody looks"));
    },
  },
  {
    name: "an error in a timer",
    due: "crash",
    act() {
      setTimeout(() => {
        throw new Error("in a timer");
      });
    },
  },
];
