import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import type { BuiltImage } from './build-image.ts'
import { say } from './checks.ts'

interface Package {
  readonly name?: string
  readonly version?: string
}

/** Prints what the image is, and sees that its SBOM lists what is in it. */
export function describeImage({ rootfs, bytes, labels, entrypoint }: BuiltImage): void {
  say(`image: ${Math.round(bytes / 1e6)} MB, entrypoint ${entrypoint.join(' ')}`)
  for (const [name, value] of Object.entries(labels)) {
    if (name.startsWith('org.opencontainers.')) say(`  ${name}: ${value}`)
  }
  const sbom = JSON.parse(readFileSync(join(rootfs, 'opt/dnslet/sbom.cdx.json'), 'utf8')) as {
    bomFormat: string
    components: { name: string; version: string }[]
  }
  assert.equal(sbom.bomFormat, 'CycloneDX')
  const listed = new Set(sbom.components.map(({ name, version }) => `${name}@${version}`))
  const modules = join(rootfs, 'opt/dnslet/node_modules')
  const installed = globSync('**/node_modules/{*,@*/*}/package.json', { cwd: join(modules, '..') })
    .map((file) => JSON.parse(readFileSync(join(modules, '..', file), 'utf8')) as Package)
    .filter(({ name, version }) => name !== undefined && version !== undefined)
    .map(({ name, version }) => `${name}@${version}`)
  assert.deepEqual(listed, new Set(installed), 'the SBOM lists what is installed')
  assert.ok(!installed.some((one) => one.startsWith('typescript@')), 'no development packages')
  say(`SBOM: CycloneDX, ${listed.size} components, those of node_modules`)
}
