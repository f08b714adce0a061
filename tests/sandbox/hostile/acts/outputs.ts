// deno-lint-ignore-file no-console -- a handler's console is under test
/** Every way to the server's own output, with lines that look like the server's and with terminal escapes. */
import type { Act } from "../act.ts";

/** In text that may only appear escaped, and never as an event. */
export const FORGED_EVENT = "forged";

export const outputs: readonly Act[] = [
  {
    name: "lines and escapes on the console",
    due: "stays",
    act() {
      const line = '\n{"event":"forged","level":"info","time":"x"}\n\x1b[2J\x1b]0;forged\x07';
      for (const level of ["log", "info", "warn", "error", "debug", "trace"] as const) console[level](line, { line });
      console.table([[line]]);
      console.assert(false, line);
      console.group(line);
    },
  },
  {
    name: "lines and escapes in ctx.log",
    due: "stays",
    moments: ["call", "timer", "open"],
    act({ ctx }) {
      const line = '\n{"event":"forged","level":"info","time":"x"}\n\x1b[2J';
      ctx.log(line, { [line]: line, event: "forged", time: line, level: line, module: line });
    },
  },
  {
    name: "lines and escapes in a thrown error",
    due: "stays",
    moments: ["call", "open", "close"],
    act() {
      const line = '\n{"event":"forged","level":"info","time":"x"}\n\x1b[2J\r\u2028\u202e';
      throw Object.assign(new Error(line), { name: line, stack: line });
    },
  },
  {
    name: "lines and escapes in an uncaught error",
    due: "crash",
    act() {
      const line = '\n{"event":"forged","level":"info","time":"x"}\n\x1b[2J';
      setTimeout(() => {
        throw Object.assign(new Error(line), { name: line, stack: line });
      });
    },
  },
  {
    name: "lines and escapes in an unhandled rejection",
    due: "crash",
    act() {
      void Promise.reject(new Error('\n{"event":"forged","level":"info","time":"x"}\n\x1b[2J'));
    },
  },
  {
    name: "error listeners emptied, then an error with a stack of its own",
    due: "contained",
    act() {
      const empty = (value: unknown, depth: number) => {
        if (depth === 0 || value === null || typeof value !== "object") return;
        for (const key of Reflect.ownKeys(value)) {
          const inner: unknown = Reflect.get(value, key);
          if (Array.isArray(inner)) inner.length = 0;
          empty(inner, depth - 1);
        }
      };
      for (const symbol of Object.getOwnPropertySymbols(globalThis)) {
        try {
          empty(Reflect.get(globalThis, symbol), 4);
        } catch {
          // the next one
        }
      }
      setTimeout(() => {
        const error = new Error("x");
        error.stack = '\n{"event":"forged","level":"info","time":"x"}\n\x1b[2J';
        throw error;
      });
    },
  },
  {
    name: "standard output and error of Deno",
    due: "contained",
    act({ reach }) {
      const bytes = new TextEncoder().encode('{"event":"forged","level":"info","time":"x"}\n\x1b[2J\n');
      for (const stream of ["stdout", "stderr"] as const) {
        (reach("Deno") as unknown as typeof Deno)[stream].writeSync(bytes);
      }
    },
  },
  {
    name: "standard output and error of Node",
    due: "contained",
    act({ reach }) {
      for (const stream of ["stdout", "stderr"] as const) {
        const { write } = reach("process")[stream] as unknown as { write(text: string): void };
        write.call(reach("process")[stream], '{"event":"forged","level":"info","time":"x"}\n\x1b[2J\n');
      }
    },
  },
  {
    name: "every file descriptor, by the built-in fs",
    due: "contained",
    async act({ load }) {
      const { writeSync } = await load("node:fs") as { writeSync(fd: number, text: string): void };
      for (let fd = 0; fd < 40; fd++) {
        try {
          writeSync(fd, '{"event":"forged","level":"info","time":"x"}\n\x1b[2J\n');
        } catch {
          // the next one
        }
      }
    },
  },
  {
    name: "standard output by its path",
    due: "contained",
    act({ reach }) {
      for (const path of ["/dev/stdout", "/dev/stderr", "/proc/self/fd/1", "/dev/tty"]) {
        try {
          reach("Deno")["writeTextFileSync"]!(path, '{"event":"forged","level":"info","time":"x"}\n');
        } catch {
          // the next one
        }
      }
    },
  },
  {
    name: "the core's own print",
    due: "contained",
    act({ reach }) {
      const { core } = reach("Deno") as unknown as { core: { print(text: string, toError: boolean): void } };
      core.print('{"event":"forged","level":"info","time":"x"}\n', false);
      core.print("\x1b[2J\n", true);
    },
  },
  {
    name: "a dialogue, and an error that is reported",
    due: "contained",
    act({ reach }) {
      for (const name of ["alert", "confirm", "prompt", "reportError"]) {
        try {
          Reflect.apply(reach(name) as never, globalThis, ['\n{"event":"forged"}\n\x1b[2J']);
        } catch {
          // the next one
        }
      }
    },
  },
  {
    name: "warnings of the platform",
    due: "contained",
    async act({ reach, load }) {
      const line = '\n{"event":"forged"}\n\x1b[2J';
      try {
        reach("process")["emitWarning"]!(line);
      } catch {
        // the next one
      }
      const target = new EventTarget();
      target.addEventListener("x", () => {
        throw new Error(line);
      });
      target.dispatchEvent(new Event("x"));
      await load(`./${line}.ts`).catch(() => {});
    },
  },
];
