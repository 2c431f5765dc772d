import type { Status } from '../../admin/api.ts'
import type { PortOwner } from '../../host/port-owner.ts'
import type { Capability } from '../../host/readings/capabilities.ts'
import type { Conntrack } from '../../host/readings/conntrack.ts'
import type { DataPlane } from '../../host/readings/data-plane.ts'
import type { KubeletDns } from '../../host/readings/kubelet.ts'
import type { NetworkView } from '../../host/readings/links.ts'
import type { NetworkCounters } from '../../host/readings/network-counters.ts'
import type { NodeFiles } from '../../host/readings/node-files.ts'
import type { Reading } from '../../host/readings/reading.ts'
import type { ResolvConf } from '../../lib/resolv-conf.ts'
import type { RuleListing } from '../../host/readings/rule-listing.ts'

/** Everything that was seen: what examinations judge. A test makes its own. */
export interface Facts {
  readonly place: Place
  /** Nothing was sent. */
  readonly isQuick: boolean
  readonly rights: {
    readonly isRoot: boolean
    readonly capabilities: Reading<ReadonlySet<Capability>>
  }
  readonly software: { readonly dnslet: string; readonly node: string; readonly kernel: string }
  readonly daemon: DaemonFacts
  /** The addresses that dnslet is to answer at, IPv6 in the form of RFC 5952. */
  readonly addresses: readonly string[]
  /** Who said so: `-localip`, `the running dnslet`, … */
  readonly addressesFrom: string
  readonly port: number
  readonly interfaceName: string
  readonly network: Reading<NetworkView>
  /** Who listens on the port at these addresses. */
  readonly listeners: readonly Listener[]
  readonly rules: RuleListing
  /** kube-proxy's mode, and the addresses that it has no rule for. */
  readonly kubeProxy: KubeProxyFacts
  readonly dataPlanes: readonly DataPlane[]
  readonly conntrack: Twice<Conntrack>
  readonly counters: Twice<NetworkCounters>
  /** Between the two readings of both. */
  readonly watchedSeconds: number
  readonly resolver: Reading<ResolvConf>
  readonly kubelet: KubeletDns | null
  readonly files: NodeFiles
  readonly settings: {
    readonly ipForward: Reading<number>
    readonly routeLocalnet: Reading<number>
  }
  readonly question: Question
  /** What became of queries to our own addresses; null where nothing was sent. */
  readonly own: OwnQueries | null
  /** The servers of resolv.conf. Empty where nothing was sent. */
  readonly nameservers: readonly ServerProbe[]
  readonly upstreams: readonly UpstreamProbe[]
  /** Upstreams that were not asked for want of time and room. */
  readonly upstreamsLeftOut: number
}

export interface Place {
  readonly kind: 'node' | 'pod'
  /** What it was told by. */
  readonly signs: readonly string[]
}

/** A value when the examination began, and when it ended. */
interface Twice<T> {
  readonly before: T
  readonly after: T
}

export interface DaemonFacts {
  readonly status: Reading<Status>
  /** Where its admin socket is; null where none was found. */
  readonly socket: string | null
  /** dnslets that change this network namespace's network. */
  readonly processes: readonly DaemonProcess[]
}

export interface DaemonProcess {
  /** Null where its process is not to be seen from here. */
  readonly pid: number | null
  readonly command: string
  /** See ProcessStatus. */
  readonly state: string
  readonly capabilities: Reading<ReadonlySet<Capability>>
}

export interface Listener extends PortOwner {
  readonly isDnslet: boolean
}

export interface KubeProxyFacts {
  readonly mode: Reading<'nftables' | 'iptables' | 'ipvs' | 'none'>
  /** Of our addresses, those of Services that no rule of kube-proxy leads anywhere. */
  readonly unserved: readonly string[]
  /** Those of our addresses that kube-proxy in IPVS mode holds. */
  readonly heldByIpvs: readonly string[]
}

/** A question that was asked. */
export interface Question {
  /** Absolute. */
  readonly name: string
  /** Whether it is a name of the cluster, which the cluster's DNS has to know. */
  readonly isCluster: boolean
}

/** What became of one query. Times are milliseconds. */
export type Outcome =
  | {
      readonly kind: 'reply'
      readonly ms: number
      /** `NOERROR`. */
      readonly rcode: string
      readonly answers: number
      readonly octets: number
      readonly truncated: boolean
      /** Whether it has an OPT record. */
      readonly edns: boolean
    }
  /** A connection could be made, and nothing was asked. */
  | { readonly kind: 'connected'; readonly ms: number }
  | {
      readonly kind: 'failure'
      readonly ms: number
      /**
       * `timeout`: nothing came back. `refused`: a reset, or ICMP port unreachable. `prohibited`: ICMP host
       * unreachable or administratively prohibited, or nobody answers ARP. `forbidden`: a filter of this very
       * machine. `absent`: this machine has no such address, or no way there. `closed`: the connection ended.
       */
      readonly how: 'timeout' | 'refused' | 'prohibited' | 'forbidden' | 'absent' | 'closed' | 'odd'
      /** In words. */
      readonly text: string
    }

export interface ServerProbe {
  /** `10.96.0.10:53`. */
  readonly server: string
  readonly udp: Outcome
  readonly tcp: Outcome
}

/** Our own addresses, with what moved meanwhile. */
export interface OwnQueries {
  readonly probes: readonly ServerProbe[]
  /** Addresses that were not asked: link-local ones that are not local would be asked on the wire. */
  readonly skipped: readonly string[]
  /** Packets that our rules have led to dnslet. */
  readonly led: Twice<number | null>
  /** Queries that the daemon has counted. */
  readonly queries: Twice<number | null>
}

export interface UpstreamProbe {
  /** `10.96.0.11:53`. */
  readonly server: string
  /** Of the blocks that have it; empty where it was named. */
  readonly zones: readonly string[]
  /** `udp`, `tcp`, `tls`, `https`; '' where it is not known. */
  readonly transport: string
  readonly isCluster: boolean
  /** Of several, one that was answered. Null for one that speaks DNS over TLS or HTTPS alone. */
  readonly udp: Outcome | null
  /** For TLS and HTTPS only whether a connection can be made. */
  readonly tcp: Outcome
  readonly burst: Burst | null
  /** How many were answered of the queries that had a socket each; behind one address may be several servers. */
  readonly tries: { readonly answered: number; readonly sent: number }
  /** What the daemon measures, in milliseconds; null where it has not. */
  readonly rttMs: number | null
  /** What the daemon itself thinks of it; null where all is well, or it was not asked. */
  readonly problem: string | null
}

/** Several queries on one connection, written at once. */
export interface Burst {
  readonly sent: number
  readonly answered: number
  /** Whether an answer overtook another. */
  readonly overtaken: boolean
  /** From the first octet sent to the last answer. */
  readonly ms: number
}
