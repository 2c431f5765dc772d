import { setFlagsFromString } from 'node:v8'
import { AT_ONCE, isTuned } from './v8-flags.ts'

/**
 * What is called for the first time in `run` stays bytecode, until it is hot enough for the optimizing compiler.
 * For what runs every few seconds: machine code of the status page, and what V8 notes of types for it, are half a
 * megabyte. V8's flags are the process's: whatever else is called meanwhile is treated alike, and no two of these may
 * overlap. To be called once `compileSparingly()` has been; does nothing in a process that bin/dnslet has not started.
 */
export async function asBytecode<T>(run: () => Promise<T>): Promise<T> {
  if (!isTuned()) return run()
  setFlagsFromString('--no-always-sparkplug')
  setFlagsFromString('--no-sparkplug')
  try {
    return await run()
  } finally {
    setFlagsFromString('--sparkplug')
    setFlagsFromString(AT_ONCE)
  }
}
