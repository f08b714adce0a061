/** `connect`: an interactive client. A line in is a message out, a message in is a line. */
import { type Io, type ParsedArgs, UsageError } from "./args.ts";
import { openScreen } from "./connect/screen.ts";
import { ConnectSession, type Target } from "./connect/session.ts";
import { INTERRUPTED } from "./signals.ts";

/**
 * Connects, sends the lines of standard input, and prints received messages.
 *
 * @returns 0 when the input has ended and every line was answered, 1 when the connection was refused or closed
 * permanently, or a call failed, 130 after Ctrl+C
 * @throws {UsageError} if the URL is invalid, or the file of `--ca` can't be read
 */
export async function connect(args: ParsedArgs, io: Io): Promise<number> {
  const target = readTarget(args);
  using screen = openScreen(io.env);
  const good = await new ConnectSession(target, screen, args.raw).run();
  return screen.interrupted ? INTERRUPTED : good ? 0 : 1;
}

function readTarget({ url: given = "", token, origin, subprotocol = "", ca }: ParsedArgs): Target {
  const url = URL.parse(given.replace(/^ws/, "http"));
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new UsageError(`connect needs the URL of a server, such as "wss://localhost:8443/ws", not ${quoted(given)}`);
  }
  const headers = {
    "Origin": origin ?? url.origin,
    ...(token === undefined ? {} : { "Authorization": `Bearer ${token}` }),
  };
  try {
    new Headers(headers);
  } catch {
    throw new UsageError("--token or --origin has characters that a header can't carry");
  }
  return { url, headers, subprotocol, ca: ca === undefined ? undefined : readCertificates(ca) };
}

function readCertificates(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    throw new UsageError(`--ca is ${quoted(path)}, which can't be read: ${(error as Error).message}`);
  }
}

function quoted(text: string): string {
  return JSON.stringify(text);
}
