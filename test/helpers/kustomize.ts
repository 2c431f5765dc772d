import assert from 'node:assert/strict'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'

import { type Manifest, parseManifests, problemsOf } from './manifests.ts'

interface Kustomization {
  readonly resources: readonly string[]
  readonly patches?: readonly {
    readonly path: string
    readonly target: { readonly kind: string; readonly name: string }
  }[]
}

interface Operation {
  readonly op: string
  readonly path: string
  readonly value: unknown
}

/**
 * What `kustomize build folder` would print, of the features that deploy/ uses: resources, and JSON patches
 * (RFC 6902) that add. Anything else fails.
 */
export async function kustomize(folder: string): Promise<Manifest[]> {
  const [object, ...others] = parseManifests(
    readFileSync(join(folder, 'kustomization.yaml'), 'utf8'),
  )
  assert.ok(object !== undefined && others.length === 0)
  assert.deepEqual(await problemsOf(object), [])
  const { resources, patches = [] } = object as unknown as Kustomization
  const lists = resources.map(async (resource) => {
    const path = join(folder, resource)
    // kustomize reads no file outside its folder.
    if (statSync(path).isDirectory()) return kustomize(path)
    assert.ok(!resource.includes('..'), resource)
    return parseManifests(readFileSync(path, 'utf8'))
  })
  const built = (await Promise.all(lists)).flat()
  for (const { path, target } of patches) {
    const patched = built.filter(
      ({ kind, metadata }) => kind === target.kind && metadata?.name === target.name,
    )
    assert.equal(patched.length, 1, `${path} patches one object`)
    const operations = parse(readFileSync(join(folder, path), 'utf8')) as Operation[]
    for (const operation of operations) add(patched[0]!, operation)
  }
  return built
}

/** RFC 6902 §4.1: the parent exists; `-` is the place after a list's last element. */
function add(object: Manifest, { op, path, value }: Operation): void {
  assert.equal(op, 'add')
  const steps = path.split('/').slice(1)
  const last = steps.pop()!
  let parent = object as Record<string, unknown>
  for (const step of steps) {
    const next = parent[step]
    assert.ok(typeof next === 'object' && next !== null, `${path}: no ${step}`)
    parent = next as Record<string, unknown>
  }
  if (!Array.isArray(parent)) parent[last] = value
  else if (last === '-') parent.push(value)
  else parent.splice(Number(last), 0, value)
}
