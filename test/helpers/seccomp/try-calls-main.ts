// `node try-calls-main.ts NAME…`: makes these system calls, with arguments that no kernel accepts, and prints
// the errno of each as JSON, null where libseccomp does not know it. `socket:17` is socket(17, SOCK_RAW, 0),
// `clone` asks for namespaces that exclude each other.
import koffi from 'koffi'

import { libseccomp } from './libseccomp.ts'

const SOCK_RAW = 3
/** CLONE_NEWNS and CLONE_FS: together refused by every kernel. */
const NEW_MOUNTS_OLD_FOLDERS = 0x20200
const libc = koffi.load(null)
const syscall = libc.func(
  'long syscall(long number, long a, long b, long c, long d, long e, long f)',
) as (...numbers: number[]) => number

const argumentsOf = (name: string, more: string | undefined): number[] => {
  if (name === 'socket') return [Number(more), SOCK_RAW, 0, 0, 0, 0]
  if (name === 'clone') return [NEW_MOUNTS_OLD_FOLDERS, 0, 0, 0, 0, 0]
  return [-1, -1, -1, -1, -1, -1]
}

const library = libseccomp()!
const errors = process.argv.slice(2).map((call) => {
  const [name = '', more] = call.split(':')
  const number = library.resolve(name)
  if (number < 0) return [call, null]
  return [call, syscall(number, ...argumentsOf(name, more)) === -1 ? koffi.errno() : 0]
})
process.stdout.write(JSON.stringify(Object.fromEntries(errors)))
