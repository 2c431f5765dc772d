import dns, { type Resource } from 'dns2'

/** Time to live of a Service's records, as kube-dns is usually set up. */
const SERVICE_TTL = 30
/** Pods come and go: their records, and the word that a name does not exist, are short-lived. */
const POD_TTL = 5

const DOMAIN = 'cluster.local'
const { TYPE, CLASS } = dns.Packet

/** What a zone says about a question. */
export interface Finding {
  readonly rcode: number
  readonly answers: readonly Resource[]
  readonly authorities: readonly Resource[]
  readonly additionals: readonly Resource[]
}

const Rcode = { NoError: 0, NameError: 3, Refused: 5 } as const

/** One Service of the cluster. */
interface Service {
  readonly name: string
  readonly ports: readonly {
    readonly name: string
    readonly protocol: string
    readonly port: number
  }[]
  /** The ClusterIPs, or null for a headless Service, which has its pods' addresses instead. */
  readonly addresses: readonly string[] | null
  readonly pods?: readonly { readonly name: string; readonly address: string }[]
}

const services: readonly Service[] = [
  {
    name: `kubernetes.default.svc.${DOMAIN}`,
    ports: [{ name: 'https', protocol: 'tcp', port: 443 }],
    addresses: ['10.96.0.1'],
  },
  {
    name: `kube-dns.kube-system.svc.${DOMAIN}`,
    ports: [
      { name: 'dns', protocol: 'udp', port: 53 },
      { name: 'dns-tcp', protocol: 'tcp', port: 53 },
      { name: 'metrics', protocol: 'tcp', port: 9153 },
    ],
    addresses: ['10.96.0.10'],
  },
  {
    name: `web.default.svc.${DOMAIN}`,
    ports: [{ name: 'http', protocol: 'tcp', port: 80 }],
    addresses: ['10.96.20.30', 'fd00:96::2030'],
  },
  {
    name: `db.default.svc.${DOMAIN}`,
    ports: [{ name: 'postgres', protocol: 'tcp', port: 5432 }],
    addresses: null,
    pods: [
      { name: 'db-0', address: '10.244.1.5' },
      { name: 'db-1', address: '10.244.2.7' },
      { name: 'db-2', address: '10.244.3.9' },
    ],
  },
  {
    name: `workers.default.svc.${DOMAIN}`,
    ports: [],
    addresses: null,
    // With names in full, more than a client without EDNS takes.
    pods: Array.from({ length: 20 }, (_, i) => {
      return { name: `workers-${i}`, address: `10.244.4.${i + 1}` }
    }),
  },
]

/** Services of type ExternalName, and what they stand for. */
const externalNames: Readonly<Record<string, string>> = {
  [`shop.default.svc.${DOMAIN}`]: `web.default.svc.${DOMAIN}`,
}

/** Zones this server is authoritative for, those CoreDNS's kubernetes plugin usually gets. */
const origins = [DOMAIN, 'in-addr.arpa', 'ip6.arpa']

const records = buildRecords()
const names = withParents(records.keys())

/** A first label that says how long the answer takes, see InOrderServer: `ms300.shop.…`. */
const serviceTime = /^ms\d{1,5}\./

/**
 * Answers a question of class IN as kube-dns would. Names are compared without regard to case; one
 * that begins with a service time has the records of the name behind it.
 */
export function lookUp(name: string, type: number): Finding {
  const asked = name.toLowerCase()
  const wanted = asked.replace(serviceTime, '')
  const origin = origins.find((zone) => wanted === zone || wanted.endsWith(`.${zone}`))
  if (origin === undefined) return finding(Rcode.Refused)
  const answers = follow(wanted, type).map((record) =>
    record.name === wanted ? Object.assign({}, record, { name: asked }) : record,
  )
  if (answers.length > 0) return finding(Rcode.NoError, answers, [], addressesOf(answers))
  return finding(names.has(wanted) ? Rcode.NoError : Rcode.NameError, [], [soa(origin)])
}

function finding(
  rcode: number,
  answers: readonly Resource[] = [],
  authorities: readonly Resource[] = [],
  additionals: readonly Resource[] = [],
): Finding {
  return { rcode, answers, authorities, additionals }
}

/** Records of the type at the name, behind its CNAME where it has one. */
function follow(name: string, type: number): Resource[] {
  const here = records.get(name) ?? []
  const found = here.filter((record) => record.type === type)
  const alias = here.find((record) => record.type === TYPE.CNAME)
  if (found.length > 0 || alias?.domain === undefined) return found
  return [alias, ...follow(alias.domain, type)]
}

/** Addresses of the targets of SRV records: a client of them asks for these next. */
function addressesOf(answers: readonly Resource[]): Resource[] {
  return answers.flatMap(({ target }) =>
    target === undefined ? [] : [...follow(target, TYPE.A), ...follow(target, TYPE.AAAA)],
  )
}

function buildRecords(): Map<string, Resource[]> {
  const zone = new Map<string, Resource[]>()
  const add = (name: string, ttl: number, type: number, data: Partial<Resource>): void => {
    const record = { name, type, class: CLASS.IN, ttl, ...data } as Resource
    zone.set(name, [...(zone.get(name) ?? []), record])
  }
  for (const origin of origins) zone.set(origin, [soa(origin)])
  add(DOMAIN, SERVICE_TTL, TYPE.NS, { ns: `ns.dns.${DOMAIN}` })
  add(`ns.dns.${DOMAIN}`, SERVICE_TTL, TYPE.A, { address: '10.96.0.10' })
  add(`dns-version.${DOMAIN}`, SERVICE_TTL, TYPE.TXT, { data: ['1.1.0'] })
  for (const [name, target] of Object.entries(externalNames)) {
    add(name, SERVICE_TTL, TYPE.CNAME, { domain: target })
  }
  for (const service of services) addService(service, add)
  return zone
}

type Add = (name: string, ttl: number, type: number, data: Partial<Resource>) => void

function addService({ name, ports, addresses, pods = [] }: Service, add: Add): void {
  for (const address of addresses ?? []) addAddress(name, name, address, SERVICE_TTL, add)
  for (const pod of pods) {
    add(name, POD_TTL, TYPE.A, { address: pod.address })
    addAddress(`${pod.name}.${name}`, `${pod.name}.${name}`, pod.address, POD_TTL, add)
  }
  const targets = addresses === null ? pods.map((pod) => `${pod.name}.${name}`) : [name]
  const weight = Math.floor(100 / targets.length)
  for (const port of ports) {
    for (const target of targets) {
      const data = { priority: 0, weight, port: port.port, target }
      add(`_${port.name}._${port.protocol}.${name}`, SERVICE_TTL, TYPE.SRV, data)
    }
  }
}

/** An address of `name`, and the way back from it. */
function addAddress(name: string, domain: string, address: string, ttl: number, add: Add): void {
  const isV6 = address.includes(':')
  add(name, ttl, isV6 ? TYPE.AAAA : TYPE.A, { address })
  if (!isV6) {
    const reverse = `${address.split('.').toReversed().join('.')}.in-addr.arpa`
    add(reverse, ttl, TYPE.PTR, { domain })
  }
}

function soa(origin: string): Resource {
  return {
    name: origin,
    type: TYPE.SOA,
    class: CLASS.IN,
    ttl: POD_TTL,
    primary: `ns.dns.${DOMAIN}`,
    admin: `hostmaster.${DOMAIN}`,
    serial: 1,
    refresh: 7200,
    retry: 1800,
    expiration: 86_400,
    minimum: POD_TTL,
  } as Resource
}

/** The names and all names above them, which exist although nothing is stored there (RFC 8020). */
function withParents(all: Iterable<string>): Set<string> {
  const found = new Set<string>()
  for (const name of all) {
    const labels = name.split('.')
    labels.forEach((_, i) => found.add(labels.slice(i).join('.')))
  }
  return found
}
