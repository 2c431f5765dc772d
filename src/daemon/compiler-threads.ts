import { readdirSync, readFileSync } from 'node:fs'
import { constants, getPriority, setPriority } from 'node:os'
import { isTuned } from '../lib/v8-flags.ts'

/** What Node calls the threads on which V8 compiles, and without `isTuned()` collects garbage too. */
const NAME = 'V8Worker'

/** How much nicer than the rest: where both want one core, the compiler has a quarter of it. */
const NICER = 5

/**
 * Lets V8 compile while there is nothing to serve on the same core, and have a quarter of it while there is. A
 * fresh process has a second's work to compile, just when queries come, and the scheduler would give that half of
 * the time. With next to nothing (19) a core that is full, or a small CPU limit, goes on with code that costs three
 * times as much: the first 120,000 misses took 11.2 s of CPU, 6.2 with 10, 5.0 with 5, 5.1 with 0. Returns how
 * many threads it was.
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
  lower: (thread: number) => void = toNicer,
): number {
  if (!isTuned(flags)) return 0
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
function toNicer(thread: number): void {
  setPriority(thread, Math.min(getPriority() + NICER, constants.priority.PRIORITY_LOW))
}
