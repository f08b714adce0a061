/** Limits of the system for this service; null means unlimited or unknown. */
export interface SystemLimits {
  /** Open files of a process (`RLIMIT_NOFILE`, the soft limit). */
  readonly openFiles: number | null;
  /** Memory of the control group in bytes: the service with all its processes. */
  readonly memoryBytes: number | null;
}

/** All limits unknown. */
export const UNKNOWN_LIMITS: SystemLimits = { openFiles: null, memoryBytes: null };
