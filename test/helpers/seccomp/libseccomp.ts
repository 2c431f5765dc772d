import koffi from 'koffi'

import type { SeccompProfile } from './profile.ts'

const ALLOW = 0x7fff0000
const ERRNO = 0x00050000
const EPERM = 1
/** struct scmp_arg_cmp: unsigned, enum, and two uint64_t. */
const COMPARISON = 24
const operators: Readonly<Record<string, number>> = { SCMP_CMP_EQ: 4, SCMP_CMP_MASKED_EQ: 7 }

interface Libseccomp {
  readonly init: (action: number) => unknown
  readonly architecture: (name: string) => number
  readonly addArchitecture: (context: unknown, token: number) => number
  readonly resolve: (name: string) => number
  readonly add: (
    context: unknown,
    action: number,
    number: number,
    count: number,
    comparisons: Buffer,
  ) => number
  readonly load: (context: unknown) => number
}

/** libseccomp, which every Debian has since apt needs it; null where it is missing. */
export function libseccomp(): Libseccomp | null {
  try {
    const library = koffi.load('libseccomp.so.2')
    return {
      init: library.func('void *seccomp_init(uint32_t action)'),
      architecture: library.func('uint32_t seccomp_arch_resolve_name(const char *name)'),
      addArchitecture: library.func('int seccomp_arch_add(void *context, uint32_t token)'),
      resolve: library.func('int seccomp_syscall_resolve_name(const char *name)'),
      add: library.func(
        'int seccomp_rule_add_array(void *context, uint32_t action, int number, uint count, const void *comparisons)',
      ),
      load: library.func('int seccomp_load(void *context)'),
    }
  } catch {
    return null
  }
}

/** Filters this thread, and what it becomes by execve, as runtimes do: no new privileges come with it. */
export function confine({ defaultAction, defaultErrnoRet, ...profile }: SeccompProfile): void {
  const library = libseccomp()
  if (library === null) throw new Error('Cannot load libseccomp.so.2: install libseccomp2')
  const fallback = actionOf(defaultAction, defaultErrnoRet)
  const context = library.init(fallback)
  const native = library.architecture(process.arch === 'arm64' ? 'aarch64' : 'x86_64')
  for (const name of profile.architectures) {
    const token = library.architecture(name.replace('SCMP_ARCH_', '').toLowerCase())
    if (token === 0) throw new Error(`Cannot filter: no architecture ${name}`)
    if (token !== native) must('seccomp_arch_add', library.addArchitecture(context, token))
  }
  for (const { names, action, errnoRet, args = [] } of profile.syscalls) {
    const what = actionOf(action, errnoRet)
    // libseccomp refuses what changes nothing; so runtimes leave it out.
    if (what === fallback) continue
    const comparisons = Buffer.alloc(COMPARISON * args.length)
    args.forEach(({ index, op, value, valueTwo = 0 }, i) => {
      comparisons.writeUInt32LE(index, i * COMPARISON)
      comparisons.writeUInt32LE(operators[op]!, i * COMPARISON + 4)
      comparisons.writeBigUInt64LE(BigInt(value), i * COMPARISON + 8)
      comparisons.writeBigUInt64LE(BigInt(valueTwo), i * COMPARISON + 16)
    })
    for (const name of names) {
      const number = library.resolve(name)
      // Unknown to this libseccomp: newer than it is.
      if (number === -1) continue
      const added = library.add(context, what, number, args.length, comparisons)
      must(`seccomp_rule_add ${name}`, added)
    }
  }
  must('seccomp_load', library.load(context))
}

function actionOf(name: string, errno: number = EPERM): number {
  if (name === 'SCMP_ACT_ALLOW') return ALLOW
  if (name === 'SCMP_ACT_ERRNO') return ERRNO | errno
  throw new Error(`Cannot filter: action ${name}`)
}

function must(what: string, result: number): void {
  if (result !== 0) throw new Error(`${what}: ${result}`)
}
