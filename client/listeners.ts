/** Functions by event; one that throws hurts no other. */
export interface Listeners<E extends Record<PropertyKey, unknown[]>> {
  /** Returns what removes the listener. A function given twice is two listeners. */
  on<K extends keyof E>(event: K, listener: (...args: E[K]) => void): () => void;
  emit<K extends keyof E>(event: K, ...args: E[K]): void;
}

/** `failed` gets what a listener throws. */
export function createListeners<E extends Record<PropertyKey, unknown[]>>(
  failed: (error: unknown) => void,
): Listeners<E> {
  const entries = new Set<(event: PropertyKey, ...args: unknown[]) => unknown>();
  return {
    on(event, listener) {
      const entry = (emitted: PropertyKey, ...args: unknown[]) =>
        emitted === event && listener(...args as E[typeof event]);
      entries.add(entry);
      return () => void entries.delete(entry);
    },
    emit(event, ...args) {
      for (const entry of [...entries]) {
        try {
          entry(event, ...args);
        } catch (error) {
          if (event !== "error") failed(error);
        }
      }
    },
  };
}
