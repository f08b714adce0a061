/** A change that breaks clients, or may do so. */
export interface Change {
  /** Where in the value: `.room`, `[0]`, `[]` for each item, `.*` for properties that are not named. */
  readonly path: string;
  readonly what: string;
  /** Not known to break anything, and not known not to. */
  readonly undecided: boolean;
}

/** Which way a value goes: clients send it (`taken` by the server), or receive it (`sent`). */
export type Direction = "taken" | "sent";
