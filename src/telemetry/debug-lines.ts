/** How many configurations want lines of level debug. */
let wanted = 0

/** Has lines of level debug printed, by all logs of the process, until the result is called. */
export function printDebugLines(): () => void {
  wanted++
  let held = true
  return () => {
    if (held) wanted--
    held = false
  }
}

export function areDebugLinesPrinted(): boolean {
  return wanted > 0
}
