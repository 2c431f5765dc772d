import { readdirSync, readFileSync } from 'node:fs'
import { constants, setPriority } from 'node:os'

/** What Node calls the threads on which V8 compiles, and without `FLAG` collects garbage too. */
const NAME = 'V8Worker'
/** Of bin/dnslet: no thread but the main one collects garbage. */
const FLAG = '--single-threaded-gc'

/**
 * Lets V8 compile only while there is nothing to serve on the same core: those threads get the lowest
 * priority. What a fresh process has to compile, just when queries come, is a fifth of a second's work, and
 * the scheduler would give it half of the time. Of 20,000 hits in the first second, on one core, 2,100 took
 * more than 1 ms, now 200 to 600; a rehearsal before the first query brought no more. Returns how many
 * threads it was.
 *
 * Does nothing where they collect garbage as well: the main thread polls for the end of that, and would
 * keep itself waiting.
 *
 * @param flags those of V8
 * @param tasks the folder of this process's threads, as in /proc
 * @param lower sets the priority of a thread
 */
export function lowerCompilerThreads(
  flags: readonly string[] = process.execArgv,
  tasks = '/proc/self/task',
  lower: (thread: number) => void = toLowest,
): number {
  if (!flags.includes(FLAG)) return 0
  try {
    const threads = readdirSync(tasks).filter((thread) => nameOf(`${tasks}/${thread}`) === NAME)
    for (const thread of threads) lower(Number(thread))
    return threads.length
  } catch {
    // Without /proc it is a slower start, nothing more.
    return 0
  }
}

function nameOf(task: string): string {
  return readFileSync(`${task}/comm`, 'utf8').trimEnd()
}

/** On Linux the priority is that of a thread, and may be lowered by everybody. */
function toLowest(thread: number): void {
  setPriority(thread, constants.priority.PRIORITY_LOW)
}
