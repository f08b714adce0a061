/** Formats notifications. */
import { isServerName } from "../author/server_methods.ts";
import { MAX_NAME_BYTES } from "../wire/operations.ts";
import { jsonText } from "./json.ts";
import { checkLength, utf8Length } from "./utf8.ts";

/**
 * JSON text of a notification.
 *
 * @throws {TypeError} if method or parameters are invalid
 * @throws {RangeError} if the text is longer than `most` bytes
 */
export function notificationText(method: unknown, params: unknown, most: number): string {
  if (typeof method !== "string" || method === "" || utf8Length(method) > MAX_NAME_BYTES) {
    throw new TypeError(`A notification needs a method name of 1 to ${MAX_NAME_BYTES} bytes`);
  }
  if (isServerName(method)) {
    throw new TypeError(`Notifications that begin with rpc., session. and topic. are the server's own: ${method}`);
  }
  if (params !== undefined && (params === null || typeof params !== "object")) {
    throw new TypeError("The parameters of a notification are an object or an array");
  }
  const written = params === undefined ? "" : jsonText(params);
  if (written === undefined || written !== "" && written[0] !== "{" && written[0] !== "[") {
    throw new TypeError("The parameters of a notification are not written as a JSON object or array");
  }
  const name = jsonText(method)!;
  const text = written === ""
    ? `{"jsonrpc":"2.0","method":${name}}`
    : `{"jsonrpc":"2.0","method":${name},"params":${written}}`;
  checkLength("A notification", text, most);
  return text;
}
