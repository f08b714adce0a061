/** What the system lets a process of this service use; null where that is unlimited or unknown. */
export interface SystemLimits {
  /** Open files of one process (`RLIMIT_NOFILE`, the soft limit). */
  readonly openFiles: number | null;
  /** Bytes of memory of the control group: the service with all its processes. */
  readonly memoryBytes: number | null;
}

/** Nothing is known. */
export const UNKNOWN_LIMITS: SystemLimits = { openFiles: null, memoryBytes: null };
