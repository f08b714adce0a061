/** The configuration of a handler module. */

/** Permissions of a module's cells. Each list is passed to the process unchanged. Programs and FFI can't be granted. */
export interface Grants {
  readonly net?: readonly string[] | undefined;
  readonly read?: readonly string[] | undefined;
  readonly write?: readonly string[] | undefined;
  readonly env?: readonly string[] | undefined;
  readonly sys?: readonly string[] | undefined;
  readonly import?: readonly string[] | undefined;
}

/** One `[[handlers]]` table of the configuration. */
export interface HandlerSettings {
  readonly subprotocol: string;
  /** Absolute path or `file:` URL. */
  readonly module: string;
  /** Number of processes; 0 means one per core minus the front's. */
  readonly cells: number;
  /** Memory of a cell's process in bytes, above that of an empty one. */
  readonly memory: number;
  /** Maximum duration of a call in milliseconds. */
  readonly timeout: number;
  readonly permissions: Grants;
}
