import { readFileSync } from 'node:fs'
import { packageFile } from './package-file.ts'

let text: string | null = null

/** The version of package.json. */
export function version(): string {
  text ??= (JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as { version: string })
    .version
  return text
}

/** What `-version` prints: name and version, then platform and runtime. */
export function versionLines(): readonly string[] {
  return [`dnslet-${version()}`, `${process.platform}/${process.arch}, node ${process.version}`]
}
