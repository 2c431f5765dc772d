import { accessSync, constants, mkdirSync } from 'node:fs'

/** Where state is kept that has to outlive the process, on the node or in an emptyDir. */
const DEFAULT_DIRECTORY = '/run/dnslet'

/**
 * The directory for state that outlives the process: DNSLET_STATE_DIR, by default /run/dnslet; made
 * with mode 0700 where it is missing. Null where it cannot be written to, as for an unprivileged user.
 */
export function openStateDirectory(
  env: Readonly<Record<string, string | undefined>>,
): string | null {
  const directory = env['DNSLET_STATE_DIR'] ?? DEFAULT_DIRECTORY
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    accessSync(directory, constants.W_OK | constants.X_OK)
    return directory
  } catch {
    return null
  }
}
