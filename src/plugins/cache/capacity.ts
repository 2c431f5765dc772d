import type { Directive, Warn } from '../../corefile/directive.ts'
import type { CacheConfig } from './config.ts'
import { MIN_ENTRY_BYTES } from './store.ts'

const MIB = 1024 * 1024

/**
 * Warns of a CAPACITY that the byte budget of all caches never lets come about: it is no error, since
 * memory is only taken for what is stored, and node-cache starts with it.
 *
 * @param limit bytes of the budget
 */
export function warnOfCapacity(
  { options }: Directive,
  config: CacheConfig,
  limit: number,
  warn: Warn,
): void {
  const most = Math.floor(limit / MIN_ENTRY_BYTES)
  for (const kind of ['success', 'denial'] as const) {
    const option = options?.findLast(({ name }) => name.text === kind)
    if (option === undefined || config[kind].capacity <= most) continue
    const { text, file, line } = option.args[0] ?? option.name
    warn(
      `${file}:${line} - '${text}' is more than there is memory for: all caches share ` +
        `${Math.round(limit / MIB)} MiB, ${most} small answers; those used last are kept`,
    )
  }
}
