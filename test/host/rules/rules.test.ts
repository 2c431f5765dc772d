// The rules of each kind on a small node: who answers whom, and what is tracked.
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'

import { loadFirewall, loadKubeProxy, loadNodeCache } from '../../helpers/netns/small-kube-proxy.ts'
import {
  KUBE_DNS,
  ORPHAN,
  requireNode,
  SERVICE,
  type SmallNode,
  startSmallNode,
  UPLINK,
} from '../../helpers/netns/small-node.ts'
import { suiteOwner } from '../../helpers/netns/suite-owner.ts'
import { waitUntil } from '../../helpers/processes.ts'

const services = [SERVICE.ipv4, SERVICE.ipv6]
const orphans = [ORPHAN.ipv4, ORPHAN.ipv6]
const addresses = [...services, ...orphans]
const protocols = ['udp', 'tcp'] as const
const kubeDns = /^kube-dns-[01]$/
/** The accept of a query over IPv4. */
const accept = /^-A INPUT -d [\d.]+\/32 .*-j ACCEPT$/

const variants = [
  { name: 'nft', chosen: 'nft set', program: 'iptables-nft', withoutNft: false },
  { name: 'iptables-nft', chosen: 'iptables address', program: 'iptables-nft', withoutNft: true },
  {
    name: 'iptables-legacy',
    chosen: 'iptables address',
    program: 'iptables-legacy',
    withoutNft: true,
  },
]

for (const { name, chosen, program, withoutNft } of variants) {
  const skip = requireNode('nft', `${program}-restore`)
  describe(`rules made with ${name}`, { skip }, () => {
    const owner = suiteOwner()
    let n: SmallNode
    const isNft = !withoutNft
    const both = (): ('pod' | 'host')[] => ['pod', 'host']

    /** Everyone who asks, by every protocol, is answered by `expected`. */
    async function answered(
      expected: RegExp,
      asked: readonly string[],
      by = both(),
    ): Promise<void> {
      for (const who of by) {
        for (const address of asked) {
          for (const protocol of protocols) {
            const answer = await n[who].ask(protocol, address)
            assert.match(answer, expected, `${who} asks ${address} over ${protocol}`)
          }
        }
      }
    }

    /** Rules of ours and of node-cache in both backends and families. */
    function iptablesRules(): string[] {
      const saves = ['iptables-nft-save', 'ip6tables-nft-save']
      if (program === 'iptables-legacy') saves.push('iptables-legacy-save', 'ip6tables-legacy-save')
      return saves
        .flatMap((save) => n.run(save, []).split('\n'))
        .filter((line) => /--comment "(dnslet|NodeLocal)/.test(line))
    }

    before(async () => {
      n = await startSmallNode(owner)
      loadFirewall(n, program)
      loadKubeProxy(n, program)
      for (const address of services) {
        loadNodeCache(n, address.includes(':') ? program.replace('ip', 'ip6') : program, address)
      }
      n.setLocal(true)
      await n.node.call('serve', 'local', addresses)
      n.setLocal(false)
    })

    test('rules of node-cache black-hole the Service when it is gone', async () => {
      assert.equal(await n.pod.ask('udp', SERVICE.ipv4, { timeoutMs: 300 }), 'timeout')
    })

    test('are chosen by what is there', async () => {
      const options = { addresses, orphans, uplinks: [UPLINK], withoutNft }
      assert.equal(await n.node.call('choose', options), chosen)
      assert.equal(await n.node.call('findKubeProxy', SERVICE.ipv4), 'iptables')
      assert.equal(await n.node.call('findKubeProxy', SERVICE.ipv6), 'iptables')
      assert.equal(await n.node.call('findKubeProxy', ORPHAN.ipv4), 'none')
    })

    test('replace those of node-cache, and intercept nothing yet', async () => {
      await n.node.call('install')
      assert.deepEqual(
        iptablesRules().filter((line) => line.includes('NodeLocal')),
        [],
      )
      await answered(kubeDns, services)
      n.setLocal(true)
      if (isNft) await answered(kubeDns, services)
    })

    test('lead queries to dnslet, once it renews its lease', async () => {
      if (isNft) {
        for (const who of both()) await n[who].ask('tcp', SERVICE.ipv4, { keep: 'before' })
      }
      assert.equal(await n.node.call('renewing', true), true)
      if (isNft) {
        // Connections that were open are still those of kube-dns.
        for (const who of both()) {
          assert.match(await n[who].ask('tcp', SERVICE.ipv4, { keep: 'before' }), kubeDns)
        }
      }
      await answered(/^local$/, addresses)
    })

    test('are there exactly once, however often they are installed', async () => {
      const once = iptablesRules()
      await n.node.call('install', true)
      await n.node.call('install', true)
      assert.deepEqual(await n.node.call('check'), [])
      assert.deepEqual(iptablesRules(), once)
      assert.equal(new Set(once).size, once.length)
      await answered(/^local$/, [SERVICE.ipv4])
    })

    test('are not looked at while nobody but dnslet changes anything', async () => {
      const looks = async (): Promise<boolean> => {
        await n.node.call('runs')
        assert.deepEqual(await n.node.call('check'), [])
        return (await n.node.call<number>('runs')) > 0
      }
      await looks()
      await n.node.call('renew')
      await n.node.call('renew')
      // What is made with iptables-legacy nobody counts, and the others have no socket to ask.
      assert.equal(await looks(), !isNft)
      n.run('nft', ['add', 'table', 'inet', 'other'])
      assert.equal(await looks(), true, 'somebody has changed something')
      assert.equal(await looks(), !isNft)
      n.run('nft', ['delete', 'table', 'inet', 'other'])
    })

    test('hand over without a gap: the successor installs while queries come', async () => {
      let installed = false
      const install = n.node.call('install', true).finally(() => (installed = true))
      const answers = new Map<string, number>()
      while (!installed) {
        const answer = await n.pod.ask('udp', SERVICE.ipv4, { timeoutMs: 3_000 })
        answers.set(answer, (answers.get(answer) ?? 0) + 1)
      }
      await install
      assert.deepEqual([...answers.keys()], ['local'])
      assert.ok(answers.get('local')! > 10)
    })

    test('are repaired where one is missing, doubled or alien', async () => {
      const [first = '', second = ''] = iptablesRules().filter((line) => accept.test(line))
      const [gone, twice] = [first, second].map((line) => line.replace('-A ', ''))
      const alien = 'INPUT -p udp -m comment --comment "dnslet: of old" -j ACCEPT'
      const lines = ['*filter', `-D ${gone}`, `-A ${twice}`, `-A ${alien}`, 'COMMIT', '']
      n.run(`${program}-restore`, ['-n'], lines.join('\n'))
      const found = await n.node.call<string[]>('check')
      const missing = found.filter((line) => line.startsWith('missing: '))
      assert.deepEqual([missing.length, found.length], [1, 3], found.join('\n'))
      assert.deepEqual(await n.node.call('check'), [])
      await answered(/^local$/, services)
    })

    test('leave queries and answers untracked', async () => {
      n.run('conntrack', ['-F'])
      await answered(/^local$/, addresses)
      const tracked = n.run('conntrack', ['-L']) + n.run('conntrack', ['-L', '-f', 'ipv6'])
      assert.doesNotMatch(tracked, /dport=53 /)
    })

    if (isNft) {
      test('come back after a flush, and go on intercepting', async () => {
        n.run('nft', ['delete', 'table', 'inet', 'dnslet'])
        await n.node.call('warnings')
        assert.equal(await n.node.call('renew'), false)
        assert.equal(await n.node.call('renew'), false)
        assert.deepEqual(await n.node.call('warnings'), [
          'Cannot renew the lease (ENOENT): kube-dns answers until the rules are put back',
        ])
        const found = await n.node.call<string[]>('check')
        assert.deepEqual(found, ['table inet dnslet'])
        await answered(/^local$/, [SERVICE.ipv4])
      })

      test('fall back within 4 s when dnslet is frozen, on connected sockets too', async () => {
        await n.node.call('setFallback', [...KUBE_DNS.ipv4, ...KUBE_DNS.ipv6])
        const each = both().flatMap((who) => addresses.map((address) => ({ who, address })))
        const ask = ({ who, address }: (typeof each)[number]): Promise<string> =>
          n[who].ask('udp', address, { keep: `udp ${address}`, timeoutMs: 200 })
        for (const one of each) assert.equal(await ask(one), 'local')
        process.kill(n.node.pid, 'SIGSTOP')
        const frozen = performance.now()
        try {
          await waitUntil(
            'fallback',
            async () => (await Promise.all(each.map(ask))).every((answer) => kubeDns.test(answer)),
            undefined,
            6,
          )
          assert.ok(performance.now() - frozen < 4_000, `${performance.now() - frozen} ms`)
        } finally {
          process.kill(n.node.pid, 'SIGCONT')
        }
        await waitUntil(
          'return',
          async () => (await Promise.all(each.map(ask))).every((answer) => answer === 'local'),
          undefined,
          3,
        )
      })
    }

    test('keep the network outside from the cache', async () => {
      await n.lan.ask('udp', SERVICE.ipv4)
      assert.match(await n.lan.ask('udp', SERVICE.ipv4), kubeDns)
      assert.match(await n.lan.ask('tcp', SERVICE.ipv6), kubeDns)
      assert.equal(await n.lan.ask('udp', ORPHAN.ipv4, { timeoutMs: 300 }), 'timeout')
    })

    test('let kube-dns pods answer for orphans while their address is absent', async () => {
      await n.node.call('setFallback', [...KUBE_DNS.ipv4, ...KUBE_DNS.ipv6])
      await answered(/^local$/, orphans)
      const keep = 'udp orphan'
      assert.equal(await n.pod.ask('udp', ORPHAN.ipv4, { keep }), 'local')
      n.setLocal(false)
      await answered(kubeDns, orphans)
      assert.match(await n.pod.ask('udp', ORPHAN.ipv4, { keep }), kubeDns)
      n.setLocal(true)
      assert.equal(await n.pod.ask('udp', ORPHAN.ipv4, { keep }), 'local')
      await answered(/^local$/, orphans)
      assert.deepEqual(await n.node.call('check'), [])
    })

    test('share the orphans among the pods', async () => {
      n.setLocal(false)
      const answers = new Set<string>()
      for (let i = 0; i < 30; i++) answers.add(await n.pod.ask('udp', ORPHAN.ipv4))
      n.setLocal(true)
      assert.deepEqual([...answers].toSorted(), ['kube-dns-0', 'kube-dns-1'])
    })

    test('lead them to the pods that an earlier process knew, where this one knows none', async () => {
      const options = { addresses, orphans, uplinks: [UPLINK], withoutNft }
      await n.node.call('choose', options)
      await n.node.call('install', true)
      n.setLocal(false)
      await answered(kubeDns, orphans)
      n.setLocal(true)
      assert.deepEqual(await n.node.call('check'), [])
    })

    test('lead them there for an hour after the last sign of life', async () => {
      if (isNft) {
        const set = (): string => n.run('nft', ['list', 'set', 'inet', 'dnslet', 'orphan4'])
        assert.match(set(), /169\.254\.20\.10 timeout 1h expires (1h|59m\S+)/)
        // All of that hour but 200 ms is over.
        const input = `flush set inet dnslet orphan4
add element inet dnslet orphan4 { ${ORPHAN.ipv4} timeout 200ms }\n`
        n.run('nft', ['-f', '-'], input)
        n.setLocal(false)
        const ask = (): Promise<string> => n.pod.ask('udp', ORPHAN.ipv4, { timeoutMs: 200 })
        await waitUntil('its end', async () => !kubeDns.test(await ask()))
        assert.deepEqual(await n.node.call('check'), [], 'the rules are the same')
        await n.node.call('renewFallback')
        await answered(kubeDns, orphans)
        n.setLocal(true)
        return
      }
      const ends = iptablesRules().filter((line) => line.includes('DNAT --to'))
      assert.ok(ends.length > 0)
      for (const line of ends) {
        const [, end = ''] = /--datestop (\S+)/.exec(line) ?? []
        const minutes = (Date.parse(`${end}Z`) - Date.now()) / 60_000
        assert.ok(minutes > 59 && minutes <= 70, `${line}: in ${minutes} min`)
      }
      await n.node.call('renewFallback')
      assert.deepEqual(await n.node.call('check'), [])
    })

    test('are left alone while another dnslet has some too, unless there are none', async () => {
      if (isNft) n.run('nft', ['delete', 'chain', 'inet', 'dnslet', 'nat-postrouting'])
      const foreign = ['-A', 'INPUT', '-p', 'udp', '--dport', '53', '-j', 'ACCEPT']
      const comment = ['-m', 'comment', '--comment', 'dnslet: another [00000000]']
      n.run(program, [...foreign, ...comment])
      assert.deepEqual(await n.node.call('check', true), [])
      assert.match(iptablesRules().join(), /another \[0{8}\]/)
      assert.equal(await n.node.call('isLeased'), true)
      if (isNft) {
        n.run('nft', ['delete', 'table', 'inet', 'dnslet'])
        assert.equal(await n.node.call('isLeased'), false)
        assert.notDeepEqual(await n.node.call('check', true), [])
      }
      assert.notDeepEqual(await n.node.call('check'), [], 'the other one is gone')
      assert.deepEqual(await n.node.call('check'), [])
      await answered(/^local$/, addresses)
    })

    test('leave an orphan to kube-proxy, once it knows the address', async () => {
      const known = (protocol: string): string[] => {
        const service = ['-d', ORPHAN.ipv4, '-p', protocol, '--dport', '53']
        return [...service, '-j', 'DNAT', '--to-destination', `${KUBE_DNS.ipv4[1]}:53`]
      }
      const change = (how: string): void => {
        for (const one of protocols)
          n.run(program, ['-t', 'nat', how, 'KUBE-SERVICES', ...known(one)])
      }
      change('-A')
      // The last that dnslet heard of: the pods have moved since.
      await n.node.call('setFallback', ['192.0.2.1', '2001:db8::1'])
      n.setLocal(false)
      await answered(/^kube-dns-1$/, [ORPHAN.ipv4])
      n.setLocal(true)
      change('-D')
      await n.node.call('setFallback', [...KUBE_DNS.ipv4, ...KUBE_DNS.ipv6])
      assert.deepEqual(await n.node.call('check'), [])
    })

    test('end interception when withdrawn', async () => {
      for (const who of both()) await n[who].ask('tcp', SERVICE.ipv4, { keep: 'tcp' })
      let withdrawn = false
      const lost: string[] = []
      // With iptables, TCP connections that are open are reset: a loss that is known.
      const floods = (isNft ? protocols : (['udp'] as const)).map(async (protocol) => {
        while (!withdrawn) {
          const answer = await n.pod.ask(protocol, SERVICE.ipv4, { timeoutMs: 500 })
          if (answer !== 'local' && !kubeDns.test(answer)) lost.push(`${protocol}: ${answer}`)
        }
      })
      await n.node.call('withdraw')
      await n.pod.ask('udp', SERVICE.ipv4)
      withdrawn = true
      await Promise.all(floods)
      assert.deepEqual(lost, [])
      await answered(kubeDns, addresses)
      assert.equal(await n.node.call('renew'), false)
      assert.deepEqual(await n.node.call('check'), [])
      await answered(kubeDns, services)
      if (!isNft) return
      // Connections that were open are still ours.
      for (const who of both()) {
        assert.equal(await n[who].ask('tcp', SERVICE.ipv4, { keep: 'tcp' }), 'local')
      }
    })

    test('leave nothing but the fallback when removed', async () => {
      await n.node.call('remove')
      n.setLocal(false)
      await answered(kubeDns, addresses)
      const left = iptablesRules().filter((line) => !/DNAT|MASQUERADE|RETURN/.test(line))
      assert.deepEqual(left, [])
      assert.doesNotMatch(n.run('nft', ['list', 'ruleset']), /notrack/)
      assert.deepEqual(await n.node.call('check'), [])
      await n.node.call('setFallback', [])
      assert.deepEqual(iptablesRules(), [])
      assert.doesNotMatch(n.run('nft', ['list', 'tables']), /dnslet/)
    })
  })
}
