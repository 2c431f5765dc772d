/**
 * The milliseconds that a timer of Node can wait for: almost 25 days. It fires one beyond that at
 * once, and a repeated one without pause.
 */
export const LONGEST_TIMER_MS: number = 2 ** 31 - 1
