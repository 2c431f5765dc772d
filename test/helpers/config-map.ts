import { mkdirSync, readdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Gives a directory the keys of a ConfigMap as kubelet does: a new hidden directory, the `..data` link
 * swapped to it in one step, a link for each key.
 */
export function mountConfigMap(directory: string, keys: Readonly<Record<string, string>>): void {
  mkdirSync(directory, { recursive: true })
  const version = `..version-${readdirSync(directory).length}-${Date.now()}`
  mkdirSync(join(directory, version))
  for (const [key, text] of Object.entries(keys)) writeFileSync(join(directory, version, key), text)
  symlinkSync(version, join(directory, '..data_tmp'))
  renameSync(join(directory, '..data_tmp'), join(directory, '..data'))
  const existing = new Set(readdirSync(directory))
  for (const key of Object.keys(keys)) {
    if (!existing.has(key)) symlinkSync(join('..data', key), join(directory, key))
  }
}
