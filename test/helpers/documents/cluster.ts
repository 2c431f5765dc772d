import { readFileSync } from 'node:fs'

import { type Manifest, parseManifests } from '../manifests.ts'

/** What is wrong with a command, in one line. */
export class CommandError extends Error {}

const SHORT: Readonly<Record<string, string>> = {
  cm: 'configmap',
  configmaps: 'configmap',
  daemonsets: 'daemonset',
  ds: 'daemonset',
  pods: 'pod',
  services: 'service',
  svc: 'service',
}

/** kube-dns as kubeadm installs it: the address that manifests are filled in with. */
const KUBE_DNS: Manifest = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'kube-dns', namespace: 'kube-system' },
  spec: { clusterIP: '10.96.0.10' },
}

/**
 * A cluster that has the objects of manifests, and pods for its DaemonSets. It knows no more than whether what
 * a command names is there.
 */
export class Cluster {
  readonly #objects: readonly Manifest[]

  constructor(files: readonly string[]) {
    this.#objects = [KUBE_DNS, ...files.flatMap(objectsOf)]
  }

  /** The object of a `kind name` or `kind/name`. Throws where there is none in this namespace. */
  find(kind: string, name: string, namespace: string): Manifest {
    const full = fullKind(kind)
    const found = this.#objects.find(
      ({ kind: other, metadata }) =>
        other.toLowerCase() === full &&
        metadata?.name === name &&
        (metadata.namespace ?? 'default') === namespace,
    )
    if (found === undefined) throw new CommandError(`no ${full} ${name} in namespace ${namespace}`)
    return found
  }

  /** Throws where no pod of a DaemonSet of this namespace has the label `key=value`. */
  checkSelector(selector: string, namespace: string): void {
    const [key = '', value] = selector.split('=')
    const isMatch = ({ kind, metadata, ...object }: Manifest): boolean =>
      kind === 'DaemonSet' &&
      metadata?.namespace === namespace &&
      valueAt(object, ['spec', 'template', 'metadata', 'labels', key]) === value
    if (!this.#objects.some(isMatch)) throw new CommandError(`no pod with ${selector}`)
  }
}

/** The objects of a manifest. Throws where it is no file or no YAML. */
export function objectsOf(file: string): Manifest[] {
  const objects = parseManifests(readFileSync(file, 'utf8'))
  if (objects.length === 0) throw new CommandError(`${file} has no object`)
  return objects
}

/** What `-o jsonpath={.a.b[0].c}` prints. Throws where that leads nowhere. */
export function jsonPath(object: unknown, path: string): string {
  const inside = /^\{\.(.*)\}$/.exec(path)?.[1]
  if (inside === undefined) throw new CommandError(`cannot read the path ${path}`)
  const steps = inside.split(/[.[\]]+/).filter((step) => step !== '')
  const value = valueAt(object, steps)
  if (value === undefined) throw new CommandError(`${path} leads nowhere`)
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** `daemonset` for `ds`, `DaemonSets` and itself. Throws for kinds nobody here uses. */
export function fullKind(kind: string): string {
  const lower = kind.toLowerCase()
  const full = SHORT[lower] ?? lower
  if (!['configmap', 'daemonset', 'pod', 'service'].includes(full)) {
    throw new CommandError(`no resource type "${kind}"`)
  }
  return full
}

function valueAt(object: unknown, steps: readonly string[]): unknown {
  let value: unknown = object
  for (const step of steps) {
    if (typeof value !== 'object' || value === null) return undefined
    value = (value as Record<string, unknown>)[step]
  }
  return value
}
