import { constants, fstatSync } from 'node:fs'
import { createRequire } from 'node:module'

import { reasonOf } from '../lib/errors.ts'
import { isTuned } from '../lib/v8-flags.ts'
import { EventLoop, type Koffi, type Poll, type Program } from './event-loop.ts'
import { boundExit } from './exit-bound.ts'

/**
 * The C library's calls that Node has no equal for. They return −1 where C's do, and `errno()` says
 * why. Pointers to native memory are plain numbers (addresses stay below 2^47), which koffi passes on
 * without making a BigInt; short-lived arguments are byte arrays.
 */
export interface Libc {
  socket(domain: number, type: number, protocol: number): number
  bind(fd: number, address: Uint8Array, length: number): number
  /** @param length in and out: a 32-bit number */
  getsockname(fd: number, address: Buffer, length: Buffer): number
  setsockopt(fd: number, level: number, option: number, value: Uint8Array, length: number): number
  getsockopt(fd: number, level: number, option: number, value: Buffer, length: Buffer): number
  close(fd: number): number
  /** A descriptor. @param mode permission bits of a new file */
  open(path: string, flags: number, mode: number): number
  /** @param argument read or written in place */
  ioctl(fd: number, request: number, argument: Buffer): number
  fcntl(fd: number, command: number, argument: number): number
  /** Makes `to` another number of `fd`, in place of what it was. */
  dup3(fd: number, to: number, flags: number): number
  connect(fd: number, address: Uint8Array, length: number): number
  listen(fd: number, backlog: number): number
  /** @param address, length addresses of `allocate()`d memory: a socket address, and its size as 32 bits */
  accept4(fd: number, address: number, length: number, flags: number): number
  shutdown(fd: number, how: number): number
  epoll_create1(flags: number): number
  /** @param event address of a struct epoll_event, or 0 where none is needed */
  epoll_ctl(epoll: number, operation: number, fd: number, event: number): number
  /** Never waits: `timeout` is 0. @param events address of `count` structs epoll_event */
  epoll_wait(epoll: number, events: number, count: number, timeout: 0): number
  send(fd: number, bytes: Uint8Array, length: number, flags: number): number
  /**
   * `send()` on a thread of libuv's pool, where it may block without holding up the event loop.
   * `errno()` does not know of it: that belongs to the other thread. `bytes` stay as they are until
   * `done`.
   */
  sendAsync(
    fd: number,
    bytes: Uint8Array,
    length: number,
    flags: number,
    done: (error: unknown, sent: number) => void,
  ): void
  /** @param bytes address of the content @param name address of a socket address */
  sendto(
    fd: number,
    bytes: number,
    length: number,
    flags: number,
    name: number,
    nameLength: number,
  ): number
  recv(fd: number, bytes: Buffer, length: number, flags: number): number
  /** `recv()` to `allocate()`d memory. */
  recvTo(fd: number, address: number, length: number, flags: number): number
  /** @param message address of a struct msghdr in `allocate()`d memory */
  sendmsg(fd: number, message: number, flags: number): number
  recvmsg(fd: number, message: number, flags: number): number
  /** @param limits two 64-bit numbers: soft and hard limit */
  setrlimit(resource: number, limits: Uint8Array): number
  /** One of the kernel's calls that C libraries have no name for. */
  syscall(number: number, first: number, second: number, third: number): number
  /** Seconds that were left of the alarm before. 0 takes the alarm back. */
  alarm(seconds: number): number
  /**
   * Ends the process at once when this signal arrives, with the signal's number as exit code. The
   * signal's default action would not do: the kernel spares process 1 of a container from it.
   */
  exitOnSignal(signal: number): void
  /** @param timeout a null pointer: 0 */
  recvmmsg(fd: number, vector: number, count: number, flags: number, timeout: 0): number
  sendmmsg(fd: number, vector: number, count: number, flags: number): number
  /** 1, or 0 where the text is no address of this family. */
  inet_pton(family: number, text: string, address: Uint8Array): number
  /** The interface's index, or 0 where there is none of this name. */
  if_nametoindex(name: string): number
  /** @param address of a page */
  madvise(address: number, length: number, advice: number): number
  /**
   * Returns the error's number, not −1; DONTNEED begins to write what is dirty.
   *
   * @param length 0 for all from `offset`
   */
  posix_fadvise(fd: number, offset: number, length: number, advice: number): number
  /** Gives memory that is free to the kernel; returns 1 where there was some. musl keeps none: 0. */
  malloc_trim(pad: number): number
  /** The error number of the last failed call: ask before the next call. */
  errno(): number
  /** Waits for a descriptor that Node does not know of; see readable.ts for what to mind. */
  readonly poll: Poll
  /** See `EventLoop`; false where the event loop is as Node made it. */
  stopIdleCount(): boolean
  /**
   * Zeroed memory that never moves and is never freed: small needs share one piece. Pages
   * cost nothing until they are touched.
   */
  allocate(bytes: number): NativeMemory
}

interface NativeMemory {
  readonly address: number
  readonly bytes: ArrayBuffer
}

/** The C library, or why it cannot be called here. */
export type LibcResult =
  { readonly libc: Libc; readonly reason: '' } | { readonly libc: null; readonly reason: string }

/** Loads koffi from where this module stands, or whatever a test says. */
export type Load = (id: string) => unknown

const { O_WRONLY } = constants
/** Output and errors. */
const STANDARD_STREAMS = [1, 2] as const

let loaded: LibcResult | null = null

/** The C library through koffi; loaded at the first call, because loading costs 12 ms and 2 MB. */
export function libc(): LibcResult {
  if (loaded === null) {
    loaded = loadLibc(createRequire(import.meta.url))
    if (loaded.libc !== null) prepareExit(loaded.libc)
  }
  return loaded
}

function prepareExit(calls: Libc): void {
  if (isTuned()) boundExit(calls)
  if (isFile(1)) atEnd(spareStandardStreams.bind(null, calls))
}

function isFile(descriptor: number): boolean {
  try {
    return fstatSync(descriptor).isFile()
  } catch {
    return false
  }
}

/** Has `run` called as the process exits, unless Node.js is to say of what exception it died: it does that later. */
function atEnd(run: () => void): void {
  process.on('exit', run)
  process.once('uncaughtExceptionMonitor', () => process.off('exit', run))
}

/**
 * As the process exits koffi has standard output written to its disk. Where that fails, it says so on standard error,
 * and where that fails too, it waits for itself for ever, with our sockets open. Of /dev/null there is nothing to write.
 */
function spareStandardStreams(calls: Libc): void {
  const nothing = calls.open('/dev/null', O_WRONLY, 0)
  if (nothing < 0) return
  for (const stream of STANDARD_STREAMS) calls.dup3(nothing, stream, 0)
}

/** Never throws: a machine without a binary of koffi is served another way. */
export function loadLibc(
  load: Load,
  platform: string = process.platform,
  arch: string = process.arch,
): LibcResult {
  // The layouts in mmsg.ts and the numbers in socket.ts hold for Linux on these two.
  if (platform !== 'linux' || (arch !== 'x64' && arch !== 'arm64')) {
    return { libc: null, reason: `needs Linux on x64 or arm64, this is ${platform} on ${arch}` }
  }
  try {
    return { libc: declare(load('koffi') as typeof import('koffi')), reason: '' }
  } catch (cause) {
    return { libc: null, reason: `Cannot load koffi: ${reasonOf(cause).split('\n', 1)[0]}` }
  }
}

function declare(koffi: typeof import('koffi')): Libc {
  // Node itself is linked against the C library, be it glibc or musl: no name to guess.
  const own = koffi.load(null)
  const signal = own.func('uintptr_t signal(int number, uintptr_t handler)')
  const loop = eventLoop(koffi, own)
  const send = own.func('long send(int fd, const void *bytes, ulong length, int flags)')
  return {
    socket: own.func('int socket(int domain, int type, int protocol)'),
    bind: own.func('int bind(int fd, const void *address, uint length)'),
    getsockname: own.func('int getsockname(int fd, _Inout_ void *address, _Inout_ void *length)'),
    setsockopt: own.func(
      'int setsockopt(int fd, int level, int option, const void *value, uint length)',
    ),
    getsockopt: own.func(
      'int getsockopt(int fd, int level, int option, _Inout_ void *value, _Inout_ void *length)',
    ),
    close: own.func('int close(int fd)'),
    // Variadic in C; on both ABIs their arguments travel as if they were not.
    open: own.func('int open(const char *path, int flags, uint mode)'),
    ioctl: own.func('int ioctl(int fd, ulong request, _Inout_ void *argument)'),
    fcntl: own.func('int fcntl(int fd, int command, long argument)'),
    dup3: own.func('int dup3(int fd, int to, int flags)'),
    connect: own.func('int connect(int fd, const void *address, uint length)'),
    listen: own.func('int listen(int fd, int backlog)'),
    accept4: own.func('int accept4(int fd, uintptr_t address, uintptr_t length, int flags)'),
    shutdown: own.func('int shutdown(int fd, int how)'),
    epoll_create1: own.func('int epoll_create1(int flags)'),
    epoll_ctl: own.func('int epoll_ctl(int epoll, int operation, int fd, uintptr_t event)'),
    epoll_wait: own.func('int epoll_wait(int epoll, uintptr_t events, int count, int timeout)'),
    send,
    sendAsync: (fd, bytes, length, flags, done) => send.async(fd, bytes, length, flags, done),
    sendto: own.func(
      'long sendto(int fd, uintptr_t bytes, ulong length, int flags, uintptr_t name, uint size)',
    ),
    recv: own.func('long recv(int fd, _Out_ void *bytes, ulong length, int flags)'),
    recvTo: own.func('long recv(int fd, uintptr_t address, ulong length, int flags)'),
    sendmsg: own.func('long sendmsg(int fd, uintptr_t message, int flags)'),
    recvmsg: own.func('long recvmsg(int fd, uintptr_t message, int flags)'),
    setrlimit: own.func('int setrlimit(int resource, const void *limits)'),
    syscall: own.func('long syscall(long number, long first, long second, long third)'),
    alarm: own.func('uint alarm(uint seconds)'),
    // A handler gets the signal's number, which _exit takes as exit code; no JavaScript is run.
    exitOnSignal: (number) => void signal(number, own.symbol('_exit')),
    recvmmsg: own.func(
      'int recvmmsg(int fd, uintptr_t vector, uint count, int flags, uintptr_t timeout)',
    ),
    sendmmsg: own.func('int sendmmsg(int fd, uintptr_t vector, uint count, int flags)'),
    inet_pton: own.func('int inet_pton(int family, const char *text, void *address)'),
    if_nametoindex: own.func('uint if_nametoindex(const char *name)'),
    ...advice(own),
    malloc_trim: optional(() => own.func('int malloc_trim(ulong pad)')),
    errno: () => koffi.errno(),
    poll: loop?.poll ?? (koffi.node.poll as unknown as Poll),
    stopIdleCount: () => loop?.stopIdleCount() ?? false,
    allocate: (bytes) => {
      const pointer: unknown = koffi.alloc('uint8_t', bytes)
      return { address: Number(koffi.address(pointer)), bytes: koffi.view(pointer, bytes) }
    },
  }
}

/** What the kernel is told of pages, those of files included. */
function advice(
  own: ReturnType<typeof import('koffi').load>,
): Pick<Libc, 'madvise' | 'posix_fadvise'> {
  return {
    madvise: own.func('int madvise(uintptr_t address, ulong length, int advice)'),
    posix_fadvise: own.func('int posix_fadvise(int fd, long offset, long length, int advice)'),
  }
}

/** Null for a Node.js that does not export libuv: then koffi, which brings the few calls it needs, has to do. */
function eventLoop(koffi: Koffi, own: Program): EventLoop | null {
  try {
    return new EventLoop(koffi, own)
  } catch {
    return null
  }
}

/** A call that not every C library has. */
function optional(declared: () => Libc['malloc_trim']): Libc['malloc_trim'] {
  try {
    return declared()
  } catch {
    return () => 0
  }
}
