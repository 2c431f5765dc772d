import { CORES_TO_COLLECT, cpuLimit } from '../lib/cpu-shortage.ts'
import { collectGarbage } from '../lib/v8-flags.ts'

/**
 * Collects what loading the program has left behind, and gives the pages back: two of the first MiB, and
 * tables of what ran once and does not run again. V8 would come to it after minutes, or never. It takes
 * some 40 ms, so it is for a process that does not serve yet.
 *
 * V8 also keeps the source of all that is loaded, in two bytes a character where one character of a file needs
 * them: hence the build leaves out comments, and spells such characters (`\u2026`).
 *
 * Does nothing in a process that bin/dnslet has not started, and under a small CPU limit, where a client would wait
 * for it: at a twelfth of a core a third of a second.
 *
 * @param limit cores that the process may use
 */
export function collectStartGarbage(
  collect: () => boolean = collectGarbage,
  limit: number = cpuLimit(),
): boolean {
  return limit >= CORES_TO_COLLECT && collect()
}
