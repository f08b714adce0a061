/** Questions to a module about topics: which answers count. */
import { TopicQuestions } from "../../lib/session/topic_questions.ts";
import type { TopicRight } from "../../lib/session/topic_right.ts";
import { assertEquals } from "../assert.ts";

const FORBIDDEN = -32_003;

/** Questions whose answers the test gives. */
function make() {
  const asked: { readonly topic: string; readonly asked: string; readonly answer: (code: number) => void }[] = [];
  const allowed = new Set(["t", "u"]);
  const right = {
    of: (topic: string) => allowed.has(topic) ? {} : undefined,
    ask: (topic: string, by: string, answer: (code: number) => void) => void asked.push({ topic, asked: by, answer }),
  };
  const heard: string[] = [];
  const questions = new TopicQuestions(right as unknown as TopicRight);
  const ask = (topic: string, by: "by_handler" | "in_order", name: string) => {
    questions.ask(topic, by, (code) => void heard.push(`${name} ${code}`));
  };
  return { asked, allowed, heard, questions, ask };
}

Deno.test("TopicQuestions asks once for all that wait for one topic, and answers them in order", () => {
  const { asked, heard, questions, ask } = make();
  for (const name of ["first", "second", "third"]) ask("t", "in_order", name);
  ask("u", "in_order", "other");
  assertEquals(asked.map(({ topic }) => topic), ["t", "u"]);
  asked[0]!.answer(0);
  assertEquals(heard, ["first 0", "second 0", "third 0"]);
  assertEquals([questions.has("t"), questions.has("u")], [false, true]);
});

Deno.test("TopicQuestions asks again for a handler, whose answer counts for all; the earlier one does not", () => {
  const { asked, heard, ask } = make();
  ask("t", "in_order", "client");
  ask("t", "by_handler", "handler");
  ask("t", "by_handler", "another");
  assertEquals(asked.map(({ asked }) => asked), ["in_order", "by_handler"]);
  asked[0]!.answer(FORBIDDEN);
  assertEquals(heard, []);
  asked[1]!.answer(0);
  assertEquals(heard, ["client 0", "handler 0", "another 0"]);
  asked[0]!.answer(FORBIDDEN);
  ask("t", "in_order", "later");
  asked[1]!.answer(FORBIDDEN);
  assertEquals(heard.length, 3, "an old answer is none to a new question");
});

Deno.test("TopicQuestions.renew() lets no answer count that is under way, and denies what the roles deny", () => {
  const { asked, allowed, heard, questions, ask } = make();
  ask("t", "in_order", "kept");
  ask("u", "in_order", "denied");
  allowed.delete("u");
  questions.renew();
  assertEquals(heard, [`denied ${FORBIDDEN}`]);
  asked[0]!.answer(0);
  assertEquals([heard.length, asked.length], [1, 3], "the module is asked about the new token");
  asked[2]!.answer(FORBIDDEN);
  asked[1]!.answer(0);
  assertEquals(heard, [`denied ${FORBIDDEN}`, `kept ${FORBIDDEN}`]);
});
