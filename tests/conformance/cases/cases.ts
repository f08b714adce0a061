/** Every case, in the order of the numbers. */
import type { Case } from "../case.ts";
import { group1 } from "./group_1.ts";
import { group2 } from "./group_2.ts";
import { group3 } from "./group_3.ts";
import { group4 } from "./group_4.ts";
import { group5 } from "./group_5.ts";
import { group6 } from "./group_6.ts";
import { group7 } from "./group_7.ts";
import { group9 } from "./group_9.ts";
import { group10 } from "./group_10.ts";

export const cases: readonly Case[] = [
  ...group1,
  ...group2,
  ...group3,
  ...group4,
  ...group5,
  ...group6,
  ...group7,
  ...group9,
  ...group10,
];
