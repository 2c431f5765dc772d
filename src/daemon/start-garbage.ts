/**
 * Collects what loading the program has left behind, and gives the pages back: two of the first MiB, and
 * tables of what ran once and does not run again. V8 would come to it after minutes, or never. It takes
 * some 40 ms, so it is for a process that does not serve yet.
 *
 * V8 also keeps the source of all that is loaded, in two bytes a character where a file has one drawing:
 * hence the build leaves out comments.
 *
 * Does nothing without V8's flag `--expose-gc`, which bin/dnslet gives.
 */
export function collectStartGarbage(collect: typeof globalThis.gc = globalThis.gc): boolean {
  if (collect === undefined) return false
  // The only flavour that compacts every page.
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' })
  return true
}
