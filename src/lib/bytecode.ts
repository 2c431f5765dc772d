import { setFlagsFromString } from 'node:v8'

/** What bin/dnslet has V8 do: each function becomes machine code when it is first called, for a fresh process. */
const AT_ONCE = '--always-sparkplug'
const compilesAtOnce = process.execArgv.includes(AT_ONCE)

/**
 * What is called for the first time in `run` stays bytecode, until it is hot enough for the optimizing compiler.
 * For what runs every few seconds: machine code of the status page, and what V8 notes of types for it, are half a
 * megabyte. V8's flags are the process's: whatever else is called meanwhile is treated alike, and no two of these may
 * overlap. Does nothing without V8's flag `--always-sparkplug`.
 */
export async function asBytecode<T>(run: () => Promise<T>): Promise<T> {
  if (!compilesAtOnce) return run()
  setFlagsFromString('--no-always-sparkplug')
  setFlagsFromString('--no-sparkplug')
  try {
    return await run()
  } finally {
    setFlagsFromString('--sparkplug')
    setFlagsFromString(AT_ONCE)
  }
}
