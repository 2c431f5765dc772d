import type { Libc } from './libc.ts'
import { machineCode, type Processor, type SystemCall } from './machine-code.ts'
import { check, SyscallError } from './socket.ts'

/** Bytes; whole pages, be they of 4 or of 64 KiB. */
const PART = 65_536
const PROT_READ_EXEC = 5

/** The same number on every processor. */
const PIDFD_OPEN = 434
const CLOSE_RANGE = 436
const numbers = {
  x64: { prctl: 157, ppoll: 271, exit: 60 },
  arm64: { prctl: 167, ppoll: 73, exit: 93 },
} as const

const CLONE_VM = 0x100
const SIG_SETMASK = 2
/** Of a sigset_t in glibc and in musl. */
const SIGNAL_SET = 128
const PR_SET_NAME = 15
const LAST_DESCRIPTOR = 0xffff_ffff
const POLLIN = 1

/** What the heir is called in `ps`; at most 15 bytes. */
export const HEIR_NAME = 'dnslet-heir'

/**
 * Starts a process that inherits our memory, so that this one, when it alone is killed, lets go of its
 * descriptors at once: the kernel frees the memory of a process before it closes what that has open
 * (do_exit: exit_mm, then exit_files), 5 ms for our 80 MiB, and waits for whoever looks through that
 * memory. The last process in a mount namespace waits for its end as well. Where somebody else still has
 * memory and namespaces, leaving them is a matter of microseconds. Returns the heir's process number.
 *
 * The heir shares our memory and nothing else. It runs no code of ours but a few system calls: it gives
 * itself a name, closes its descriptors, sleeps until this process has ended, whichever way, and ends,
 * which frees the memory. It costs a kernel stack and no CPU. It is deaf to signals that can be blocked.
 * Killed alone it stays as a zombie, and this process merely ends slower. So it does where both are
 * killed: by the OOM killer, which ends all that share the memory, by `cgroup.kill`, by `pkill -f`.
 *
 * To be called before anything is opened that an end of this process must close: until Linux 5.9 (no
 * close_range) the heir keeps what was open. Throws SyscallError, ENOSYS before Linux 5.3 (no pidfd).
 */
export function startMemoryHeir(libc: Libc): number {
  const processor = process.arch as Processor
  const mapped = libc.map(2 * PART)
  if (mapped === null) throw new SyscallError('mmap', libc.errno())
  const { address, bytes } = mapped
  const self = libc.syscall(PIDFD_OPEN, process.pid, 0)
  check(libc, 'pidfd_open', self)
  try {
    // The heir's stack grows down from what it reads, which is below its code.
    const [name, pollfd, code] = [PART - 32, PART - 16, PART]
    const memory = Buffer.from(bytes)
    memory.write(HEIR_NAME, name)
    memory.writeInt32LE(self, pollfd)
    memory.writeInt16LE(POLLIN, pollfd + 4)
    const calls = heirCalls(numbers[processor], self, address + name, address + pollfd)
    machineCode(processor, calls).copy(memory, code)
    check(libc, 'mprotect', libc.mprotect(address + code, PART, PROT_READ_EXEC))
    return cloneDeaf(libc, address + code, address + name)
  } finally {
    libc.close(self)
  }
}

/** What the heir does in its life. */
function heirCalls(
  { prctl, ppoll, exit }: (typeof numbers)[Processor],
  pidfd: number,
  name: number,
  pollfd: number,
): SystemCall[] {
  return [
    { number: prctl, arguments: [PR_SET_NAME, name] },
    { number: CLOSE_RANGE, arguments: [0, pidfd - 1, 0] },
    { number: CLOSE_RANGE, arguments: [pidfd + 1, LAST_DESCRIPTOR, 0] },
    // Without end: a pidfd is readable once the last thread of its process has gone.
    { number: ppoll, arguments: [pollfd, 1, 0, 0, 0] },
    { number: exit, arguments: [0] },
  ]
}

/**
 * A process in our memory that runs `code` and blocks the signals: a handler of Node's would run in it
 * with our variables. Its parent is not told of its end.
 */
function cloneDeaf(libc: Libc, code: number, stack: number): number {
  const every = Buffer.alloc(SIGNAL_SET, 0xff)
  const before = Buffer.alloc(SIGNAL_SET)
  libc.pthread_sigmask(SIG_SETMASK, every, before)
  try {
    const pid = libc.clone(code, stack, CLONE_VM, 0)
    check(libc, 'clone', pid)
    return pid
  } finally {
    libc.pthread_sigmask(SIG_SETMASK, before, every)
  }
}
