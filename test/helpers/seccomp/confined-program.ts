import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { bin } from '../dnslet.ts'
import { temporaryFolder } from '../nsd.ts'
import type { Owner } from '../processes.ts'
import type { SeccompProfile } from './profile.ts'

const main = join(import.meta.dirname, 'confined-main.ts')

/** What runs a program and its arguments, put before them, under `profile`; its files end with the owner. */
export function underProfile(owner: Owner, profile: SeccompProfile): readonly string[] {
  const file = join(temporaryFolder(owner), 'profile.json')
  writeFileSync(file, JSON.stringify(profile))
  return [process.execPath, '--disable-warning=ExperimentalWarning', main, file]
}

/** A program that is the built daemon under `profile`, and the same process. */
export function confinedDnslet(owner: Owner, profile: SeccompProfile): string {
  const file = join(temporaryFolder(owner), 'dnslet')
  const words = [...underProfile(owner, profile), bin].map((word) => `'${word}'`).join(' ')
  writeFileSync(file, `#!/bin/sh\nexec ${words} "$@"\n`, { mode: 0o755 })
  return file
}
