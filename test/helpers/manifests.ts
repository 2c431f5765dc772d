import { parseAllDocuments } from 'yaml'

/** A Kubernetes object, before it is known to be a valid one. */
export interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata?: { readonly name?: string; readonly namespace?: string }
  readonly [field: string]: unknown
}

/** All objects of a YAML file. Throws where it is no YAML, or a key stands twice. */
export function parseManifests(text: string): Manifest[] {
  return parseAllDocuments(text, { uniqueKeys: true }).map((document) => {
    const [problem] = [...document.errors, ...document.warnings]
    if (problem !== undefined) throw problem
    return document.toJS() as Manifest
  })
}

/** By file: one of the packages exports no single model, and all of them take seconds to load. */
const kubernetes = new URL('_schemas/IoK8sApi', import.meta.resolve('kubernetes-models')).href
const operator = new URL(
  '_schemas/ComGithubPrometheusOperatorPrometheusOperatorPkgApisMonitoring',
  import.meta.resolve('@kubernetes-models/prometheus-operator'),
).href

/** Where an object's model is, but for its kind, by its apiVersion. */
const models: Readonly<Record<string, string>> = {
  v1: `${kubernetes}CoreV1`,
  'apps/v1': `${kubernetes}AppsV1`,
  'networking.k8s.io/v1': `${kubernetes}NetworkingV1`,
  'rbac.authorization.k8s.io/v1': `${kubernetes}RbacV1`,
  'monitoring.coreos.com/v1': `${operator}V1`,
}

interface Model {
  validate: ((data: unknown) => boolean) & {
    errors?: readonly { readonly instancePath: string; readonly message?: string }[] | null
  }
}

/** What is wrong with an object, unknown fields included; nothing is the empty list. */
export async function problemsOf(object: Manifest): Promise<string[]> {
  const shape = shapes[`${object.apiVersion} ${object.kind}`]
  if (shape !== undefined) return shapeProblems(object, shape, '')
  const model = models[object.apiVersion]
  if (model === undefined) return [`no model of ${object.apiVersion} ${object.kind}`]
  const { validate } = (await import(`${model}${object.kind}.js`)) as Model
  const watched = new WatchedObject(object)
  const isValid = validate(watched.proxy)
  const errors = (validate.errors ?? []).map((error) => JSON.stringify(error))
  return [...(isValid ? [] : errors), ...watched.unread('')]
}

/**
 * An object that notes which of its fields are read. The models accept fields they do not know, but
 * they read all those that they do: what is left is misspelt or misplaced.
 */
class WatchedObject {
  readonly proxy: object
  readonly #object: object
  readonly #read = new Set<string>()
  readonly #inside = new Map<string, WatchedObject>()

  constructor(object: object) {
    this.#object = object
    this.proxy = new Proxy(object, {
      get: (target, field): unknown => {
        const value: unknown = Reflect.get(target, field)
        if (typeof field !== 'string') return value
        this.#read.add(field)
        return typeof value === 'object' && value !== null ? this.#watch(field, value) : value
      },
    })
  }

  #watch(field: string, value: object): object {
    const known = this.#inside.get(field) ?? new WatchedObject(value)
    this.#inside.set(field, known)
    return known.proxy
  }

  unread(path: string): string[] {
    const here = Object.keys(this.#object).filter((field) => !this.#read.has(field))
    return [
      ...here.map((field) => `${path}/${field} is unknown`),
      ...[...this.#inside].flatMap(([field, inside]) => inside.unread(`${path}/${field}`)),
    ]
  }
}

/** The name of a type, a list of one shape, or fields, those with `?` optional. */
type Shape = string | readonly [Shape] | { readonly [field: string]: Shape }

const port: Shape = { port: 'string', name: 'string', protocol: 'string' }

/** Of what has no model: the fields that are used here, and no other. */
const shapes: Readonly<Record<string, Shape>> = {
  'cilium.io/v2 CiliumLocalRedirectPolicy': {
    apiVersion: 'string',
    kind: 'string',
    metadata: { name: 'string', namespace: 'string' },
    spec: {
      redirectFrontend: { serviceMatcher: { serviceName: 'string', namespace: 'string' } },
      redirectBackend: {
        localEndpointSelector: { matchLabels: { 'k8s-app': 'string' } },
        toPorts: [port],
      },
    },
  },
  'kubelet.config.k8s.io/v1beta1 KubeletConfiguration': {
    apiVersion: 'string',
    kind: 'string',
    clusterDNS: ['string'],
  },
  'kustomize.config.k8s.io/v1beta1 Kustomization': {
    apiVersion: 'string',
    kind: 'string',
    resources: ['string'],
    'patches?': [{ path: 'string', target: { kind: 'string', name: 'string' } }],
  },
}

function shapeProblems(value: unknown, shape: Shape, path: string): string[] {
  if (typeof shape === 'string') {
    return typeof value === shape ? [] : [`${path} is no ${shape}`]
  }
  if (shape instanceof Array) {
    if (!Array.isArray(value)) return [`${path} is no list`]
    return value.flatMap((item, i) => shapeProblems(item, shape[0], `${path}/${i}`))
  }
  if (typeof value !== 'object' || value === null) return [`${path} is no object`]
  const fields = new Map(Object.entries(value))
  const problems = Object.entries(shape).flatMap(([key, inside]) => {
    const field = key.replace(/\?$/, '')
    const found = fields.get(field)
    fields.delete(field)
    if (found === undefined && field !== key) return []
    return shapeProblems(found, inside, `${path}/${field}`)
  })
  return [...problems, ...[...fields.keys()].map((field) => `${path}/${field} is unknown`)]
}
