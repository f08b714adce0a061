/** A server under measurement: a process of its own that says in one line of JSON where it listens. */

export interface ServerProcess {
  readonly pid: number;
  readonly port: number;
  stop(): Promise<void>;
}

export interface Start {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Record<string, string>;
  readonly cwd?: string;
}

const START_DEADLINE_MS = 30_000;

interface Listening {
  readonly event: "listening";
  readonly port?: number;
  readonly url?: string;
}

function listening(line: string): Listening | undefined {
  // The log of an attack is long, and reading it takes time from the server.
  if (!line.includes('"listening"')) return undefined;
  try {
    const parsed = JSON.parse(line);
    return parsed.event === "listening" ? parsed : undefined;
  } catch {
    return undefined;
  }
}

/** Reads all of `stream`, so that the server never waits for its log; hands each line to `each`. */
async function drain(stream: ReadableStream<Uint8Array>, each: (line: string) => void): Promise<void> {
  let rest = "";
  for await (
    const chunk of stream.pipeThrough(new TextDecoderStream() as unknown as TransformStream<Uint8Array, string>)
  ) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    lines.forEach(each);
  }
}

/**
 * Starts a server and waits for its `listening` line (`port`, or `url` as Sallyport prints it).
 * @throws {Error} with what it wrote to stderr, when it ends first or takes longer than 30 s.
 */
export async function startServer({ command, args, env = {}, cwd }: Start): Promise<ServerProcess> {
  const child = new Deno.Command(command, {
    args: [...args],
    env,
    ...(cwd === undefined ? {} : { cwd }),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const errors: string[] = [];
  const ready = Promise.withResolvers<Listening>();
  const output = drain(child.stdout, (line) => {
    const found = listening(line);
    if (found !== undefined) ready.resolve(found);
    else if (errors.length < 50) errors.push(line);
  });
  const errorOutput = drain(child.stderr, (line) => void (errors.length < 50 && errors.push(line)));
  child.status.then(() => ready.reject(new Error(`The server ended: ${errors.join("\n")}`)));
  const deadline = setTimeout(() => {
    ready.reject(new Error(`The server did not listen in time: ${errors.join("\n")}`));
  }, START_DEADLINE_MS);
  const stop = async () => {
    try {
      child.kill("SIGKILL"); // what is measured is over; a drain would only take time
    } catch {
      // it ended by itself
    }
    await Promise.all([child.status, output, errorOutput]);
  };
  try {
    const { port, url } = await ready.promise;
    return { pid: child.pid, port: port ?? Number(new URL(url ?? "").port), stop };
  } catch (error) {
    await stop();
    throw error;
  } finally {
    clearTimeout(deadline);
  }
}
