/** What all `forward` directives of the process count together; upstreams have their own. */
export const forwardCounters: { allDown: number; rejected: number } = {
  /** Attempts made, or given up, because every upstream was down. */
  allDown: 0,
  /** Queries beyond `max_concurrent`. */
  rejected: 0,
}
