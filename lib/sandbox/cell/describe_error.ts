/** Maximum length of a description, in UTF-16 units. */
const MAX_DESCRIPTION_LENGTH = 4096;

/** Name, message and stack for the log. Never throws, whatever was thrown. */
export function describeError(error: unknown): string {
  try {
    const text = error instanceof Error ? String(error.stack ?? `${error.name}: ${error.message}`) : String(error);
    return text.slice(0, MAX_DESCRIPTION_LENGTH);
  } catch {
    return "an error that can't be described";
  }
}
