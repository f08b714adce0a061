/** What the configuration says about one handler module. */

/** What a module's cells may reach; each list is given to its process exactly as it stands. Programs and FFI can't be granted. */
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
  /** Processes; 0 = one per core, less the front's own. */
  readonly cells: number;
  /** Memory of one cell's process, bytes, beyond what an empty one needs. */
  readonly memory: number;
  /** Milliseconds one call may take. */
  readonly timeout: number;
  readonly permissions: Grants;
}
