/** Methods of the server for topics: subscription, publication, presence. */
import { z } from "zod";
import { type Builtin, builtin } from "./builtin.ts";

/** Tokens for an answer that counts all subscribers of a topic; many subscribers cost more. */
const PRESENCE_COST = 5;
const TopicParams = z.object({ topic: z.string() });
const PublishParams = z.object({ topic: z.string(), event: z.string(), data: z.unknown() });

/** `topic.subscribe`, `topic.unsubscribe`, `topic.publish` and `topic.presence`. */
export const topicMethods: readonly [string, Builtin][] = [
  builtin("topic.subscribe", {
    description: "Follows a topic: its events are notified as topic.event, until topic.ended or topic.unsubscribe.",
    params: TopicParams,
    run(session, { topic }, call) {
      session.topics.subscribe(topic, "client", (code) => code === 0 ? call.resolve("{}") : call.reject(code));
    },
  }),
  builtin("topic.unsubscribe", {
    description: "Follows a topic no longer.",
    params: TopicParams,
    run(session, { topic }, call) {
      session.topics.unsubscribe(topic, "client");
      call.resolve("{}");
    },
  }),
  builtin("topic.publish", {
    description: "Tells the subscribers of a topic of an event.",
    params: PublishParams,
    run: (session, { topic }, call, request) => session.topics.publish(topic, request, call),
  }),
  builtin("topic.presence", {
    description: "The users that follow a topic, each with the number of its connections.",
    params: TopicParams,
    cost: PRESENCE_COST,
    run: (session, { topic }, call) => session.topics.presence(topic, call),
  }),
];
