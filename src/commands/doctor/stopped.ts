import type { DaemonProcess } from './facts.ts'

/** Whether a process does not run: SIGSTOP, a debugger. */
export function isStopped({ state }: DaemonProcess): boolean {
  return state === 'T' || state === 't'
}
