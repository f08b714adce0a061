/** Escapes text for HTML. */
import { escape } from "@std/html";

const typed: (text: string) => string = escape;

/** Escapes text for HTML, as text or as a quoted attribute. */
export function escapeHtml(text: string): string {
  return typed(String(text));
}
