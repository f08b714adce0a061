/** Converts zod issues for clients: path and reason, never the value. */
import type { z } from "zod";

/** One entry of `data.issues` of -32602. */
export interface Issue {
  /** Keys and indices from the parameters inwards. */
  path: (string | number)[];
  code: string;
  message: string;
}

const MOST_ISSUES = 20;
const MAX_TEXT_LENGTH = 256;

/** The first 20 issues. Texts are cut at 256 characters, because they contain keys of the client. */
export function visibleIssues(error: z.core.$ZodError): Issue[] {
  return error.issues.slice(0, MOST_ISSUES).map((issue) => ({
    path: issue.path.slice(0, 32).map((key) => typeof key === "number" ? key : String(key).slice(0, MAX_TEXT_LENGTH)),
    code: issue.code ?? "custom",
    message: issue.message.slice(0, MAX_TEXT_LENGTH),
  }));
}
