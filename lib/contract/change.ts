/** A change that breaks clients, or may do so. */
export interface Change {
  /** The place in the value: `.room`, `[0]`, `[]` for each item, `.*` for unnamed properties. */
  readonly path: string;
  readonly what: string;
  /** Undecided: the comparison does not know whether it breaks clients. */
  readonly undecided: boolean;
}

/** The direction of a value: clients send it (`taken` by the server), or receive it (`sent`). */
export type Direction = "taken" | "sent";
