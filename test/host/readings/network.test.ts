// Links, data planes and rules.
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { ProgramError } from '../../../src/host/programs.ts'
import { presenceSockets, announcePresence } from '../../../src/host/presence.ts'
import { processesWith } from '../../../src/host/port-owner.ts'
import { findDataPlanes } from '../../../src/host/readings/data-plane.ts'
import { linkNames, type LinkView, readNetwork } from '../../../src/host/readings/links.ts'
import { valueOf } from '../../../src/host/readings/reading.ts'
import {
  listRules,
  packetsLed,
  readSaved,
  readTable,
} from '../../../src/host/readings/rule-listing.ts'
import { temporaryFolder } from '../../helpers/nsd.ts'
import { enterOwnNetwork, ip } from '../../helpers/own-network.ts'
import { scriptedPrograms } from '../../helpers/scripted-programs.ts'

const skip = enterOwnNetwork() || false

describe('readNetwork()', { skip }, () => {
  test('tells kinds of links, and where addresses are', () => {
    ip('link add nodelocaldns type bridge')
    ip('address add 169.254.20.10/32 dev nodelocaldns')
    ip('link set nodelocaldns mtu 1400')
    ip('link add veth0 type veth peer name veth1')
    ip('address add 10.9.0.1/32 dev veth0')
    const read = valueOf(
      readNetwork(() => ['169.254.20.10', '10.9.0.1', '127.0.0.1', '10.96.0.10']),
    )!
    const kinds = Object.fromEntries(read.links.map(({ name, kind }) => [name, kind]))
    assert.equal(kinds['nodelocaldns'], 'bridge')
    assert.equal(kinds['veth0'], 'veth')
    assert.deepEqual(
      read.addresses.map(({ address, local, link }) => [address, local, link]),
      [
        ['169.254.20.10', true, 'nodelocaldns'],
        ['10.9.0.1', true, null],
        ['127.0.0.1', true, 'lo'],
        ['10.96.0.10', false, null],
      ],
    )
    assert.deepEqual(read.held.get('nodelocaldns'), ['169.254.20.10'])
  })

  test('names of links are those of /proc/net/dev', (t) => {
    const root = temporaryFolder(t)
    mkdirSync(join(root, 'proc/net'), { recursive: true })
    writeFileSync(
      join(root, 'proc/net/dev'),
      'Inter-|   Receive  | Transmit\n face |bytes  packets|bytes\n    lo: 0 0 0\n  eth0:1 2 3\n',
    )
    assert.deepEqual(linkNames(root), { value: ['lo', 'eth0'] })
    assert.ok('why' in linkNames(join(root, 'none')))
  })

  test('dnslets are found by their sockets, without asking them', async (t) => {
    let asked = 0
    const presence = { addresses: [], port: 53, interfaceName: 'x', scope: '' }
    const announced = await announcePresence(presence, () => asked++)
    t.after(() => announced?.stop())
    const inodes = presenceSockets()
    assert.equal(inodes.length, 1)
    assert.equal(processesWith(new Set(inodes)).get(inodes[0]!)?.pid, process.pid)
    assert.equal(asked, 0)
  })
})

describe('findDataPlanes()', () => {
  const links = (...names: string[]): LinkView[] =>
    names.map((name) => ({ name, kind: '', up: true, mtu: 1500 }))
  const names = (...all: string[]): string[] =>
    findDataPlanes(links(...all), '/nonexistent').map(({ name }) => name)

  test('tells them by their links', () => {
    assert.deepEqual(names('lo', 'eth0', 'veth1234'), [])
    assert.deepEqual(names('cilium_host', 'lxc0123456789ab'), ['Cilium'])
    assert.deepEqual(names('cali0123456789a'), ['Calico'])
    assert.deepEqual(names('bpfin.cali', 'cali0123456789a'), ['Calico with eBPF'])
    assert.deepEqual(names('ovn-k8s-mp0'), ['OVN-Kubernetes'])
    assert.deepEqual(names('kube-bridge', 'flannel.1', 'antrea-gw0'), [
      'Antrea',
      'kube-router',
      'Flannel',
    ])
  })

  test('and by files, three links at most being named', (t) => {
    const root = temporaryFolder(t)
    mkdirSync(join(root, 'sys/fs/bpf/cilium'), { recursive: true })
    const [found] = findDataPlanes(
      links('cilium_host', 'cilium_net', 'lxc_health', 'cilium_vxlan'),
      root,
    )
    assert.deepEqual(found?.signs, [
      'link cilium_host',
      'link cilium_net',
      'link lxc_health',
      '/sys/fs/bpf/cilium',
    ])
  })
})

const TABLE = `table inet dnslet {
	set lease4 {
		type ipv4_addr
		flags timeout
		elements = { 10.96.0.10 timeout 3s expires 2s992ms, 169.254.20.10 timeout 3s expires 2s992ms }
	}
	set lease6 {
		type ipv6_addr
		flags timeout
	}
	chain query {
		ip daddr @lease4 fib daddr type local counter packets 17 bytes 2300 notrack accept
		ip6 daddr @lease6 fib daddr type local counter packets 3 bytes 300 notrack accept
	}
	chain output {
		type filter hook output priority raw; policy accept;
		udp sport 53 ip saddr { 10.96.0.10, 169.254.20.10 } notrack accept
		udp sport 53 ip6 saddr fd00:96::a notrack accept
	}
}`
const nft = { kind: 'nft', ipv4: 'iptables-nft', ipv6: 'ip6tables-nft' } as const

describe('rules', () => {
  test("a dnslet's table says what is leased, served and counted", () => {
    assert.deepEqual(readTable('dnslet', TABLE.split('\n')), {
      name: 'dnslet',
      leased: ['10.96.0.10', '169.254.20.10'],
      addresses: ['10.96.0.10', '169.254.20.10', 'fd00:96::a'],
      intercepts: true,
      packets: 20,
    })
    const resting = readTable('dnslet', ['table inet dnslet {', ' chain fallback {', ' }', '}'])
    assert.deepEqual(resting, {
      name: 'dnslet',
      leased: [],
      addresses: [],
      intercepts: false,
      packets: null,
    })
  })

  test('iptables-save: whose rules, what they count, and what holds unconditionally', () => {
    const lines = `*raw
[5:300] -A PREROUTING -d 10.96.0.10/32 -p udp -m udp --dport 53 -m addrtype --dst-type LOCAL -m comment --comment "dnslet: skip conntrack [0a1b2c3d]" -j NOTRACK
[7:300] -A OUTPUT -s 10.96.0.10/32 -p udp -m udp --sport 53 -m comment --comment "dnslet: skip conntrack [0a1b2c3e]" -j NOTRACK
[9:1] -A PREROUTING -d 169.254.20.10/32 -p udp -m comment --comment "NodeLocal DNS Cache: skip conntrack" -j NOTRACK
[9:1] -A OUTPUT -s 169.254.20.10/32 -p udp -m comment --comment "NodeLocal DNS Cache: skip conntrack" -j NOTRACK
*nat
:KUBE-SERVICES - [0:0]`.split('\n')
    assert.deepEqual(readSaved(nft, lines), {
      backend: nft,
      ours: 2,
      nodeCache: 2,
      unconditional: ['169.254.20.10'],
      packets: 5,
      usedByKubernetes: true,
      hasServices: true,
    })
    assert.equal(readSaved(nft, []).packets, null)
  })

  test('are listed by whatever programs there are', async () => {
    const programs = scriptedPrograms({
      'nft list tables':
        'table ip kube-proxy\ntable inet dnslet\ntable inet dnslet-0a1b\ntable inet other',
      'nft list table inet dnslet': TABLE,
      'nft list table inet dnslet-0a1b': 'table inet dnslet-0a1b {\n}',
      'nft list chain inet dnslet query': TABLE.replace('packets 17', 'packets 19'),
      'nft -V': 'nftables v1.0.6 (Lester Gooch #5)',
      'iptables-nft-save': '',
      'ip6tables-nft-save': '',
      'iptables-nft-save -V': 'iptables-save v1.8.9 (nf_tables)',
    })
    const listed = await listRules(programs)
    assert.equal(listed.kubeProxyTable, true)
    assert.deepEqual(listed.programs, ['nftables v1.0.6'])
    assert.deepEqual(
      valueOf(listed.nft)?.map(({ name, packets }) => [name, packets]),
      [
        ['dnslet', 20],
        ['dnslet-0a1b', null],
      ],
    )
    assert.equal(valueOf(listed.iptables)?.length, 1)
    assert.equal(await packetsLed(programs, listed), 22)
  })

  test('without rights or programs it is said what is needed', async () => {
    const denied = new ProgramError(
      'E_PROGRAM',
      'Cannot run nft: Operation not permitted (you must be root)',
    )
    const listed = await listRules(scriptedPrograms({ nft: denied }))
    assert.match(
      'why' in listed.nft ? listed.nft.why : '',
      /not permitted.*: needs root with NET_ADMIN$/,
    )
    assert.deepEqual(listed.iptables, { value: [] })
    assert.equal(await packetsLed(scriptedPrograms({}), listed), null)
  })

  test('a program that was not heard is told from one that failed', async () => {
    const unheard = new ProgramError('E_PROGRAM_UNHEARD', 'Cannot run nft: no time left')
    const listed = await listRules(scriptedPrograms({ nft: unheard }))
    assert.deepEqual(listed.nft, { why: 'Cannot run nft: no time left', code: 'E_PROGRAM_UNHEARD' })
  })
})
