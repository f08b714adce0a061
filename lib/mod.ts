/**
 * The interface for authors of handler modules: types, `z`, and the test kit.
 *
 * A handler module needs no import at run time: its default export may be a function that receives the kit.
 *
 * ```ts
 * import type { Handlers } from "sallyport";
 *
 * export default (({ z, method }) => ({
 *   methods: {
 *     "sum.add": method({
 *       params: z.object({ a: z.number(), b: z.number() }),
 *       result: z.number(),
 *       handle: ({ a, b }) => a + b,
 *     }),
 *   },
 * })) satisfies Handlers;
 * ```
 *
 * @module
 */
export { z } from "zod";
export type {
  AllowContext,
  Connection,
  Context,
  DeclaredError,
  ErrorData,
  Errors,
  Fields,
  MethodContext,
  Present,
  RawContext,
  User,
} from "./sandbox/author/context.ts";
export type {
  AnyMethod,
  HandlerObject,
  Handlers,
  Kit,
  Method,
  RawHandler,
  RawHandlers,
  RpcHandlers,
} from "./sandbox/author/handlers.ts";
export type { AnyTopic, Events, Topic } from "./sandbox/author/topics.ts";
export type {
  ClaimsOf,
  DataArgument,
  DeclaredTopics,
  EventData,
  EventName,
  EventsOf,
  NameOf,
  NotificationOf,
  ParamsOf,
  RolesOf,
  StateOf,
  TopicName,
  Vocabulary,
} from "./sandbox/author/vocabulary.ts";
export { defineHandlers } from "./sandbox/author/handlers.ts";
export { CallError } from "./sandbox/author/call_error.ts";
export { type TestEvent, type TestHandlers, testHandlers, type TestUser } from "./sandbox/testkit/testkit.ts";
