import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { CORES_TO_COLLECT, cpuLimit } from './cpu-shortage.ts'

/** Of bin/dnslet: no thread but the main one collects garbage. Who has it was started as it is measured. */
const FLAG = '--single-threaded-gc'

/** Each function becomes machine code when it is first called: for 3 MB, a fresh process does not interpret. */
export const AT_ONCE = '--always-sparkplug'

/**
 * What V8 compiles with. A fresh process compiles while it serves already: what the optimizing compiler has not come
 * to runs as plain machine code at least. Without Maglev, the middle compiler, it is 12 MB less, and as fast once
 * warm. On the command line, V8 has that flag imply the two behind it, and later it does not: without these, a
 * function had to be called 10,000 times before it was optimized, and misses cost 8 % more.
 */
export const FLAGS: readonly string[] = [
  '--optimize-for-size',
  '--no-maglev',
  '--no-maglev-overwrite-budget',
  '--invocation-count-for-turbofan=3000',
  AT_ONCE,
]

/** Milliseconds that each function waits for its turn: the compiler runs beside the main thread, on one quota. */
const SLOWLY = '--concurrent-recompilation-delay=300'

/** A function that was not called since the last collection is old. V8 itself waits for six. */
export const FORGETFUL: readonly { readonly now: string; readonly usual: string }[] = [
  { now: '--flush-baseline-code', usual: '--no-flush-baseline-code' },
  { now: '--bytecode-old-age=1', usual: '--bytecode-old-age=6' },
]

/** Whether bin/dnslet has started this process, by the flags it has. Others, such as tests, keep V8 as it is. */
export function isTuned(flags: readonly string[] = process.execArgv): boolean {
  return flags.includes(FLAG)
}

/**
 * Has V8 compile for little memory, and slowly under a small CPU limit. To be called when the program is loaded: on
 * the command line these flags make V8 refuse the code that Node.js brings along for its own modules, and compile all
 * that runs once into machine code: a sixth of the CPU time of a start, and 2 MB. Does nothing in a process that
 * bin/dnslet has not started.
 *
 * @param flags those of V8
 * @param limit cores that the process may use
 * @param set has V8 take a flag
 */
export function compileSparingly(
  flags: readonly string[] = process.execArgv,
  limit: number = cpuLimit(),
  set: (flag: string) => void = setFlagsFromString,
): void {
  if (!isTuned(flags)) return
  for (const flag of FLAGS) set(flag)
  if (limit < CORES_TO_COLLECT) set(SLOWLY)
}

/**
 * Collects all garbage and compacts every page, which takes some 40 ms. False, and nothing is done, where bin/dnslet
 * has not started this process, or V8 has no such function. It is asked for each time, as who keeps the function
 * keeps the context that it comes from.
 */
export function collectGarbage(flags: readonly string[] = process.execArgv): boolean {
  if (!isTuned(flags)) return false
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('globalThis.gc') as typeof globalThis.gc
  setFlagsFromString('--no-expose-gc')
  if (collect === undefined) return false
  // The only flavour that compacts every page.
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' })
  return true
}

/**
 * As `collectGarbage()`, and forgets the code of all functions but those that the optimizing compiler has come to:
 * who is called again is compiled again, in less than a millisecond. What ran at the start alone is 3 MB. Otherwise
 * V8 forgets no function that is machine code, and here all are. A process of which the flags stayed set would
 * compile anew after each collection.
 */
export function collectGarbageAndCode(flags: readonly string[] = process.execArgv): boolean {
  if (!isTuned(flags)) return false
  for (const { now } of FORGETFUL) setFlagsFromString(now)
  try {
    return collectGarbage(flags)
  } finally {
    for (const { usual } of FORGETFUL) setFlagsFromString(usual)
  }
}
