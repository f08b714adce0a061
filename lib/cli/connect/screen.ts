/** Input and output of `connect`: a terminal with a prompt, or pipes with messages only. */
import process from "node:process";
import * as readline from "node:readline";
import { printable } from "../../log/log.ts";

export type MessageKind = "result" | "error" | "event";

export interface Screen extends Disposable {
  /** Lines of input, until it ends. */
  readonly lines: AsyncIterable<string>;
  /** The user pressed Ctrl+C. */
  readonly interrupted: boolean;
  /** Prints a message of the server as a line on standard output. */
  message(text: string, kind: MessageKind): void;
  /** Prints a state change as a line on standard error. */
  note(text: string): void;
  /** Prints an error as a line on standard error. */
  problem(text: string): void;
}

const COLOURS = { result: 32, error: 31, event: 36, note: 2, problem: 31 } as const;

/** Opens standard input and output of this process. */
export function openScreen(env: (name: string) => string | undefined): Screen {
  const plain = (env("NO_COLOR") ?? "") !== "";
  const terminal = Deno.stdin.isTerminal() && Deno.stdout.isTerminal();
  const prompt = terminal ? openPrompt() : null;
  const encoder = new TextEncoder();

  function write(stream: typeof Deno.stdout | typeof Deno.stderr, text: string, kind: keyof typeof COLOURS): void {
    const line = printable(text);
    const shown = plain || !stream.isTerminal() ? line : `\x1b[${COLOURS[kind]}m${line}\x1b[0m`;
    prompt?.clear();
    let bytes = encoder.encode(`${shown}\n`);
    while (bytes.length > 0) bytes = bytes.subarray(stream.writeSync(bytes));
    prompt?.restore();
  }

  return {
    lines: prompt?.lines ?? pipedLines(),
    get interrupted() {
      return prompt?.interrupted ?? false;
    },
    message: (text, kind) => write(Deno.stdout, text, kind),
    note: (text) => write(Deno.stderr, text, "note"),
    problem: (text) => write(Deno.stderr, text, "problem"),
    [Symbol.dispose]: () => prompt?.close(),
  };
}

/** A line editor whose line stays in place while messages are printed. */
function openPrompt() {
  const editor = readline.createInterface({ input: process.stdin, output: process.stdout, prompt: "> " });
  let open = true;
  let interrupted = false;
  editor.on("close", () => open = false);
  editor.on("SIGINT", () => {
    interrupted = true;
    editor.close();
  });
  return {
    get interrupted() {
      return interrupted;
    },
    lines: promptedLines(editor),
    clear() {
      if (!open) return;
      readline.cursorTo(process.stdout, 0);
      readline.clearScreenDown(process.stdout);
    },
    restore() {
      if (open) editor.prompt(true);
    },
    close: () => editor.close(),
  };
}

async function* promptedLines(editor: readline.Interface): AsyncGenerator<string> {
  editor.prompt();
  for await (const line of editor) {
    yield line;
    editor.prompt();
  }
}

async function* pipedLines(): AsyncGenerator<string> {
  let rest = "";
  for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  if (rest !== "") yield rest;
}
