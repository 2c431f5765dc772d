// From when on the page, `doctor` and `top` say that something is wrong: all of them at the same time.

/** Milliseconds that an upstream takes for an answer: whoever waits for a name notices. */
export const SLOW_UPSTREAM_MS = 500
/** Share of the memory limit. */
export const NEARLY_FULL = 0.9
