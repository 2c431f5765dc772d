import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { type Place, environment } from './server.ts'

/** Writes `bench/config/<template>` with its `{$NAME}`s replaced into the place's directory. */
export function renderConfig(template: string, place: Place): string {
  const source = readFileSync(join(import.meta.dirname, '..', 'config', template), 'utf8')
  const path = join(place.dir, `${place.port}-${template}`)
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
