import { readFileSync } from 'node:fs'

let text: string | null = null

/** The version of package.json, which lies beside src and dist. */
export function version(): string {
  const url = new URL('../../package.json', import.meta.url)
  text ??= (JSON.parse(readFileSync(url, 'utf8')) as { version: string }).version
  return text
}

/** What `-version` prints: name and version, then platform and runtime. */
export function versionLines(): readonly string[] {
  return [`dnslet-${version()}`, `${process.platform}/${process.arch}, node ${process.version}`]
}
