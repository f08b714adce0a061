/** The source of the client library: the text of each module with code, by name. */
import call_error from "../../../client/call_error.ts" with { type: "text" };
import calls from "../../../client/calls.ts" with { type: "text" };
import client from "../../../client/client.ts" with { type: "text" };
import connect from "../../../client/connect.ts" with { type: "text" };
import env from "../../../client/env.ts" with { type: "text" };
import limits from "../../../client/limits.ts" with { type: "text" };
import line from "../../../client/line.ts" with { type: "text" };
import listeners from "../../../client/listeners.ts" with { type: "text" };
import mod from "../../../client/mod.ts" with { type: "text" };
import outcomes from "../../../client/outcomes.ts" with { type: "text" };
import page from "../../../client/page.ts" with { type: "text" };
import refresh from "../../../client/refresh.ts" with { type: "text" };
import subscriptions from "../../../client/subscriptions.ts" with { type: "text" };
import timers from "../../../client/timers.ts" with { type: "text" };

export const CLIENT_SOURCES: Readonly<Record<string, string>> = {
  call_error,
  calls,
  client,
  connect,
  env,
  limits,
  line,
  listeners,
  mod,
  outcomes,
  page,
  refresh,
  subscriptions,
  timers,
};
