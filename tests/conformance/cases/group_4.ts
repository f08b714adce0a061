/** Reserved opcodes: 3 to 7 of data frames, 11 to 15 of control frames. */
import { type Case, chopped, refused, text, together } from "../case.ts";

const greeting = "Hello, world!";
const hello = { opcode: 1, payload: greeting };
const ping = { opcode: 9 };
const echoed = { answers: () => [text(greeting)], mayMissAnswers: true };

function reserved(group: "4.1" | "4.2", first: number): Case[] {
  const [empty, filled, afterText, filledAfterText, octetwise] = [0, 1, 2, 3, 4].map((more) => first + more) as [
    number,
    number,
    number,
    number,
    number,
  ];
  return [
    refused(`${group}.1`, 1002, { title: `opcode ${empty}`, steps: () => together({ opcode: empty }) }),
    refused(`${group}.2`, 1002, {
      title: `opcode ${filled} with payload`,
      steps: () => together({ opcode: filled, payload: "reserved opcode payload" }),
    }),
    refused(`${group}.3`, 1002, {
      title: `text, opcode ${afterText}, ping`,
      steps: () => together(hello, { opcode: afterText }, ping),
      ...echoed,
    }),
    refused(`${group}.4`, 1002, {
      title: `text, opcode ${filledAfterText} with payload, ping`,
      steps: () => together(hello, { opcode: filledAfterText, payload: greeting }, ping),
      ...echoed,
    }),
    refused(`${group}.5`, 1002, {
      title: `text, opcode ${octetwise} with payload, ping, octet by octet`,
      steps: () => chopped([hello, { opcode: octetwise, payload: greeting }, ping]),
      ...echoed,
    }),
  ];
}

export const group4: Case[] = [...reserved("4.1", 3), ...reserved("4.2", 11)];
