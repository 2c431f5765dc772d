import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { type Place, environment } from './server.ts'

/**
 * Writes `bench/config/<template>` with its `{$NAME}`s replaced into the place's directory `config`. Nothing
 * else is written there: dnslet watches its Corefile's directory, and what dnsperf prints would keep it awake.
 */
export function renderConfig(template: string, place: Place): string {
  const source = readFileSync(join(import.meta.dirname, '..', 'config', template), 'utf8')
  const directory = join(place.dir, 'config')
  mkdirSync(directory, { recursive: true })
  const path = join(directory, `${place.port}-${template}`)
  writeFileSync(path, fillIn(source, environment(place)))
  return path
}

/** Replaces every `{$NAME}`. Throws Error for a name without a value. */
export function fillIn(source: string, values: Readonly<Record<string, string>>): string {
  return source.replaceAll(/\{\$(\w+)\}/g, (_, name: string) => {
    const value = values[name]
    if (value === undefined) throw new Error(`Cannot fill in {$${name}}: it has no value`)
    return value
  })
}
