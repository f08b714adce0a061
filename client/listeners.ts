/** Listeners by event. An exception in one does not affect the others. */

type Events = Record<PropertyKey, unknown[]>;

/** Adds a listener and returns a function that removes it. A function added twice is two listeners. */
export type On<E extends Events> = <K extends keyof E>(event: K, listener: (...args: E[K]) => void) => () => void;
export type Emit<E extends Events> = <K extends keyof E>(event: K, ...args: E[K]) => void;

/** `failed` receives exceptions of listeners. */
export function createListeners<E extends Events>(failed: (error: unknown) => void): [On<E>, Emit<E>] {
  const entries = new Set<(event: PropertyKey, ...args: unknown[]) => unknown>();
  return [
    (event, listener) => {
      const entry = (emitted: PropertyKey, ...args: unknown[]) =>
        emitted === event && listener(...args as E[typeof event]);
      entries.add(entry);
      return () => entries.delete(entry);
    },
    (event, ...args) => {
      for (const entry of [...entries]) {
        try {
          entry(event, ...args);
        } catch (error) {
          if (event !== "error") failed(error);
        }
      }
    },
  ];
}
