/** Keys of one `[[handlers]]` table: module, subprotocol, resources and permissions of its cells. */
import { z } from "zod";
import { duration, int, list, size, text, wrong } from "./fields.ts";
import { TOKEN_REGEXP } from "../base/http_token.ts";

const subprotocol = text('a subprotocol such as "chat.v1"', (value) => {
  if (!TOKEN_REGEXP.test(value)) {
    return wrong(value, "letters, digits and !#$%&'*+-.^_`|~ only (a token of RFC 9110, section 5.6.2)");
  }
  if (/^bearer\./i.test(value)) return `is ${JSON.stringify(value)}, but names beginning with "bearer." carry tokens`;
  return null;
});

const module = text("the path of a module", (value) => {
  if (value.startsWith("file:///") || !/^[A-Za-z][A-Za-z0-9+.-]+:/.test(value)) return null;
  return `is ${
    JSON.stringify(value)
  }, but handlers are never loaded from the network, must be a path or a file:/// URL`;
});

/** A program or a native library would leave the sandbox, so these permissions can't be granted. */
const never = (name: string) =>
  z.undefined({
    error:
      `can't be granted: a handler that can use ${name} has no sandbox, allowed: net, read, write, env, sys, import`,
  })
    .optional();

const granted = (what: string, rule: (entry: string) => boolean = () => true) => {
  const allowed = `${what}; there is no "all"`;
  return list(
    text(allowed, (entry) => entry !== "*" && rule(entry) ? null : wrong(entry, allowed)),
    `a list of ${allowed}`,
  )
    .optional();
};

const isHost = (entry: string) => !/[\s/@?#]/.test(entry);
const isVariable = (entry: string) => /^[A-Za-z_][A-Za-z0-9_]*\*?$/.test(entry);
const isWord = (entry: string) => /^[A-Za-z]+$/.test(entry);

const permissions = z.strictObject({
  net: granted('hosts such as "api.internal:443"', isHost),
  read: granted("paths"),
  write: granted("paths"),
  env: granted("names of variables", isVariable),
  sys: granted('kinds of system information such as "hostname"', isWord),
  import: granted('hosts to import from, such as "modules.internal:443"', isHost),
  run: never("run"),
  ffi: never("ffi"),
}, {
  error: (issue) =>
    issue.code === "unrecognized_keys"
      ? "is not known here, allowed: net, read, write, env, sys, import"
      : wrong(issue.input, "a table of lists with net, read, write, env, sys, import"),
});

/** The keys of one `[[handlers]]` table. */
export const handlerShape = {
  subprotocol,
  module,
  cells: int(0, 256).prefault(1),
  memory: size("8MiB", "16GiB").prefault("64MiB"),
  timeout: duration("1ms", "10m").prefault("2s"),
  permissions: permissions.prefault({}),
};
