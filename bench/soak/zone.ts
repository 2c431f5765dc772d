import dns, { type Resource } from 'dns2'

import type { Finding } from '../../src/commands/demo/zone.ts'
import { Rcode, Type } from '../../src/wire/codes.ts'

/** Services of the cluster, and the namespaces they are spread over. */
export const SERVICES = 400
export const NAMESPACES = 20
/** Well-known names outside the cluster. */
export const SITES = 200

/** No answer may be kept for longer than this, in seconds: no record here is, and an expired one is given 30. */
export const MAX_TTL = 30

const POD_TTL = 5
const SERVICE_TTL = 30
/** Every tenth Service is headless: its pods' addresses. */
const HEADLESS_EVERY = 10
const PODS = 3
const HTTP = 8080

const { CLASS } = dns.Packet
const CLUSTER = 'cluster.local'
const service = /^(_http\._tcp\.)?(?:pod-([0-2])\.)?svc-(\d+)\.ns-(\d+)\.svc\.cluster\.local$/
const site = /^(?:site-(\d+)|new-([0-9a-f]+)|cdn-(\d+))\.example\.net$/

/** `svc-17.ns-17`: a Service as a pod of another namespace names it. */
export function serviceName(index: number): string {
  return `svc-${index}.ns-${index % NAMESPACES}`
}

/**
 * What the kube-dns pods know of a name: 400 Services with records of 5 or 30 seconds, some of them headless, and
 * no AAAA record anywhere. `who` tells which pod answers, by a TTL that no cache of the node hands on.
 */
export function findInCluster(pod: number, name: string, type: number): Finding {
  const asked = name.toLowerCase()
  if (asked === 'who.cluster.local') {
    return found(asked, 3600, type, Type.TXT, [{ data: [`kube-dns-${pod}`] }])
  }
  if (asked === 'kubernetes.default.svc.cluster.local') {
    return found(asked, SERVICE_TTL, type, Type.A, [{ address: '10.96.0.1' }])
  }
  const [, isSrv, podOf, number, namespace] = service.exec(asked) ?? []
  const index = Number(number)
  const exists = index < SERVICES && Number(namespace) === index % NAMESPACES
  const isHeadless = index % HEADLESS_EVERY === HEADLESS_EVERY - 1
  if (!exists || (podOf !== undefined && (!isHeadless || isSrv !== undefined)))
    return missing(asked)
  const own = isSrv === undefined ? asked : asked.slice(isSrv.length)
  const ttl = index % 2 === 0 ? SERVICE_TTL : POD_TTL
  if (isSrv !== undefined) return srvRecords(asked, own, ttl, type, isHeadless)
  const pods = podOf === undefined ? podNumbers : [Number(podOf)]
  const all = isHeadless ? pods.map((p) => podAddress(index, p)) : [serviceAddress(index)]
  return found(
    asked,
    ttl,
    type,
    Type.A,
    all.map((address) => ({ address })),
  )
}

/** What the name server beyond the cluster knows: sites of `example.net`, every third of them an alias. */
export function findOutside(name: string, type: number): Finding {
  const asked = name.toLowerCase()
  const [, known, fresh, cdn] = site.exec(asked) ?? []
  const number = Number(known ?? cdn ?? `0x${fresh ?? '0'}`)
  if (known === undefined && fresh === undefined && cdn === undefined) return missing(asked)
  if (known !== undefined && number >= SITES) return missing(asked)
  if (known !== undefined && number % 3 === 0) {
    const domain = `cdn-${number}.example.net`
    const target = findOutside(domain, type)
    const alias = record(asked, SERVICE_TTL, Type.CNAME, { domain })
    return { ...target, answers: [alias, ...target.answers] }
  }
  const [high, low] = [(number >> 8) & 255, number & 255]
  if (type === Type.AAAA) {
    const address = `2001:db8::1:${((number & 0xfffe) + 1).toString(16)}`
    return found(asked, SERVICE_TTL, type, Type.AAAA, [{ address }])
  }
  return found(asked, SERVICE_TTL, type, Type.A, [{ address: `198.51.${high}.${low}` }])
}

/** What a kube-dns pod says, which asks others for what it does not know. Some queries pass dnslet by to it. */
export function findFromPod(pod: number, name: string, type: number): Finding {
  const isOutside = name.toLowerCase().endsWith('.example.net')
  return isOutside ? findOutside(name, type) : findInCluster(pod, name, type)
}

/** What is right to answer to whom it may concern. */
export function findAnywhere(name: string, type: number): Finding {
  return findFromPod(0, name, type)
}

/** How long the name server beyond takes for a name, 10 to 40 ms: it asks others in its turn. */
export function outsideMs(query: Buffer): number {
  let sum = 0
  for (let at = 12; at < query.length - 4; at++) sum = (sum * 31 + query[at]!) & 0xffff
  return 10 + (sum % 31)
}

/** The cluster's zone as a zone file, for a real CoreDNS. */
export function clusterZoneText(): string {
  const lines = [
    `@ ${POD_TTL} IN SOA ns.dns.${CLUSTER}. hostmaster.${CLUSTER}. 1 7200 1800 86400 5`,
  ]
  lines.push(`@ ${POD_TTL} IN NS ns.dns`, `ns.dns ${POD_TTL} IN A 10.96.0.10`)
  lines.push(`who 3600 IN TXT "kube-dns"`, 'kubernetes.default.svc 30 IN A 10.96.0.1')
  for (let index = 0; index < SERVICES; index++) {
    const own = `${serviceName(index)}.svc.${CLUSTER}`
    const names = [own, `_http._tcp.${own}`, ...podNumbers.map((pod) => `pod-${pod}.${own}`)]
    for (const name of names) {
      for (const type of [Type.A, Type.SRV]) {
        for (const answer of findInCluster(0, name, type).answers) {
          lines.push(
            `${name}. ${answer.ttl} IN ${type === Type.A ? 'A' : 'SRV'} ${dataText(answer)}`,
          )
        }
      }
    }
  }
  return `$ORIGIN ${CLUSTER}.\n${lines.join('\n')}\n`
}

/** A record's data as `recordText` of src/wire/presentation has it. */
export function dataText(answer: Resource): string {
  const { address, domain, port, priority, target, weight } = answer
  if (target !== undefined) return `${priority} ${weight} ${port} ${target}.`
  return address ?? `${domain}.`
}

const podNumbers: readonly number[] = Array.from({ length: PODS }, (_, pod) => pod)

function srvRecords(
  asked: string,
  own: string,
  ttl: number,
  type: number,
  isHeadless: boolean,
): Finding {
  const targets = isHeadless ? podNumbers.map((pod) => `pod-${pod}.${own}`) : [own]
  const weight = Math.floor(100 / targets.length)
  const data = targets.map((target) => ({ priority: 0, weight, port: HTTP, target }))
  return found(asked, ttl, type, Type.SRV, data)
}

function serviceAddress(index: number): string {
  return `10.97.${index >> 8}.${index & 255}`
}

function podAddress(index: number, pod: number): string {
  return `10.244.${index >> 6}.${((index & 63) << 2) + pod}`
}

/** The records where they are of the type asked for, else the word that there are none of it. */
function found(
  name: string,
  ttl: number,
  asked: number,
  type: number,
  data: readonly Partial<Resource>[],
): Finding {
  if (asked !== type) return negative(Rcode.NoError, name)
  const answers = data.map((one) => record(name, ttl, type, one))
  return { rcode: Rcode.NoError, answers, authorities: [], additionals: [] }
}

function missing(name: string): Finding {
  return negative(Rcode.NXDomain, name)
}

function negative(rcode: number, name: string): Finding {
  const zones = [CLUSTER, 'example.net', 'in-addr.arpa', 'ip6.arpa']
  const zone = zones.find((one) => name === one || name.endsWith(`.${one}`)) ?? ''
  const start = { primary: `ns.dns.${CLUSTER}`, admin: `hostmaster.${CLUSTER}`, serial: 1 }
  const times = { refresh: 7200, retry: 1800, expiration: 86_400, minimum: POD_TTL }
  const soa = record(zone, POD_TTL, Type.SOA, { ...start, ...times })
  return { rcode, answers: [], authorities: [soa], additionals: [] }
}

function record(name: string, ttl: number, type: number, data: Partial<Resource>): Resource {
  return { name, type, class: CLASS.IN, ttl, ...data } as Resource
}
