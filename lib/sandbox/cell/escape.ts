import { escape } from "@std/html";

const typed: (text: string) => string = escape;

/** Makes text safe to put into HTML, as text or as a quoted attribute. */
export function escapeHtml(text: string): string {
  return typed(String(text));
}
