/** What became of reloads, over the life of the process; metrics.ts shows it. */
export interface ReloadCounters {
  failed: number
  /** SHA-512 of the configuration the last successful reload brought in, null before the first. */
  version: string | null
}

export const reloadCounters: ReloadCounters = { failed: 0, version: null }
