// `dnslet doctor` on a healthy node and in a healthy pod, and nine faults, each recognised.
import assert from 'node:assert/strict'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'

import { bin } from '../helpers/dnslet.ts'
import { suiteOwner } from '../helpers/netns/suite-owner.ts'
import { addresses, LINK_LOCAL } from '../helpers/node-model/addresses.ts'
import { requireNodeModel } from '../helpers/node-model/needs.ts'
import { type NodeDnslet, NodeModel, type Place } from '../helpers/node-model/node-model.ts'
import { isFull, signal } from '../helpers/node-model/scenario.ts'
import { waitUntil } from '../helpers/processes.ts'

const VIP = addresses.ipv4.kubeDns
const UPSTREAM = addresses.ipv4.upstream
/** Where another program listens. */
const OTHER = '127.0.0.99'
/** An address of the pods' network that nobody has. */
const NOBODY = '10.244.1.77'
const SEARCH = 'search default.svc.cluster.local svc.cluster.local cluster.local'

interface Report {
  readonly exitStatus: number
  readonly place: { readonly kind: string }
  readonly findings: readonly {
    readonly id: string
    readonly severity: string
    readonly title: string
    readonly seen: readonly string[]
  }[]
}

/** Something wrong, and what doctor is to say about it. */
interface Fault {
  readonly name: string
  /** Makes it so, and returns what undoes it. */
  readonly inject?: () => Promise<() => Promise<unknown>>
  /** Shell commands in a mount namespace of doctor's own. */
  readonly prepare?: () => readonly string[]
  readonly expected: readonly (readonly [severity: string, id: string])[]
}

describe('dnslet doctor', { skip: requireNodeModel() }, () => {
  const owner = suiteOwner()
  let model: NodeModel
  let dnslet: NodeDnslet

  before(async () => {
    model = await NodeModel.create(owner)
    dnslet = await model.startDnslet()
  })

  async function examine(
    place: Place,
    flags: readonly string[] = [],
    prepare: readonly string[] = [],
  ): Promise<Report> {
    const env = [
      `DNSLET_STATE_DIR=${model.stateFolder}`,
      `KUBE_DNS_UPSTREAM_SERVICE_HOST=${UPSTREAM}`,
    ]
    const script = ['set -e', ...prepare, 'exec "$@"'].join('\n')
    const doctor = [bin, 'doctor', '--json', ...flags]
    const inside = ['env', ...env, 'unshare', '-m', 'sh', '-c', script, 'sh', ...doctor]
    const { code, output } = await model.exec(place, inside)
    assert.ok(code <= 2 && output.startsWith('{'), output)
    const report = JSON.parse(output) as Report
    assert.equal(report.exitStatus, code)
    return report
  }

  function assertFound(report: Report, severity: string, id: string): void {
    const found = report.findings.filter((one) => one.id === id)
    const others = report.findings
      .filter((one) => one.severity !== 'ok')
      .map((one) => `${one.severity} ${one.id}: ${one.title}`)
    assert.ok(
      found.some((one) => one.severity === severity),
      `no ${severity} ${id} among\n${others.join('\n')}`,
    )
    assert.ok(report.exitStatus >= (severity === 'broken' ? 2 : 1))
  }

  /** Queues of CPUs are the whole machine's, on which other tests may run. */
  function assertNothingWrong({ findings, exitStatus }: Report): void {
    const wrong = findings.filter(({ severity }) => ['broken', 'warning'].includes(severity))
    assert.deepEqual(
      wrong.filter(({ id }) => id !== 'softnet-drops'),
      [],
    )
    assert.equal(exitStatus, wrong.length === 0 ? 0 : 1)
  }

  /** A command that mounts a file of this text over another. */
  function instead(path: string, text: string): string {
    const file = join(mkdtempSync(join(model.folder, 'fake-')), 'file')
    writeFileSync(file, text)
    return `mount --bind ${file} ${path}`
  }

  async function loadRules(
    argv: readonly string[],
    rules: string,
    undo: string,
  ): Promise<() => Promise<void>> {
    model.load(argv, rules)
    return () => Promise.resolve(model.load(argv, undo))
  }

  test('a healthy node: all is well, and the counters move', async () => {
    const report = await examine('node')
    assertNothingWrong(report)
    assert.equal(report.place.kind, 'node')
    const well = report.findings.filter(({ severity }) => severity === 'ok').map(({ id }) => id)
    const wanted =
      'interception address port own-query rules-move kube-proxy upstream conntrack leftovers'
    for (const id of wanted.split(' ')) {
      assert.ok(well.includes(id), `${id} is not well: ${JSON.stringify(report.findings)}`)
    }
    const [upstream] = report.findings.filter(({ id }) => id === 'upstream')
    assert.match(upstream!.seen.join('\n'), /16 of 16 queries on one connection answered, in order/)
  })

  test('a healthy pod: its name server answers, and the node is not to be seen', async () => {
    const report = await examine('pod', ['--localip', `${LINK_LOCAL},${VIP}`])
    assertNothingWrong(report)
    assert.equal(report.place.kind, 'pod')
    const ids = report.findings.map(({ id }) => id)
    assert.ok(ids.includes('node-unseen') && ids.includes('resolver'))
  })

  test('1 and 2 of 9: TCP to the upstream is blocked, as by a NetworkPolicy; another is dead', async () => {
    const pods = [0, 1].map(addresses.ipv4.kubeDnsPod).join(', ')
    const undo = await loadRules(
      ['nft', '-f', '-'],
      `table ip blocked {
  chain output {
    type filter hook output priority 300
    ip daddr { ${pods} } tcp dport 53 drop
  }
}
`,
      'delete table ip blocked\n',
    )
    try {
      const report = await examine('node', ['--upstream', NOBODY])
      // Where the daemon can be asked, its own upstreams are among those examined.
      const ids = report.findings.map(({ id }) => id)
      assertFound(report, 'broken', 'upstream-dead')
      if (!ids.includes('daemon')) {
        assertFound(await examine('node'), 'broken', 'upstream-tcp-blocked')
      } else assertFound(report, 'broken', 'upstream-tcp-blocked')
    } finally {
      await undo()
    }
  })

  const nodeCache = ['udp', 'tcp']
    .map(
      (protocol) =>
        `-I PREROUTING -p ${protocol} -d ${VIP} --dport 53 ` +
        '-m comment --comment "NodeLocal DNS Cache: skip conntrack" -j NOTRACK',
    )
    .join('\n')
  const faults: readonly Fault[] = [
    {
      name: '3 of 9: rules of a dead node-cache',
      inject: () =>
        loadRules(
          ['iptables-nft-restore', '-n'],
          `*raw\n${nodeCache}\nCOMMIT\n`,
          `*raw\n${nodeCache.replaceAll('-I', '-D')}\nCOMMIT\n`,
        ),
      expected: [['broken', 'node-cache-rules']],
    },
    {
      name: '4 of 9: another program on port 53',
      async inject() {
        const code = `require('dgram').createSocket('udp4').bind(53, '${OTHER}', () => console.log('bound'))`
        const server = model.spawn('node', [process.execPath, '-e', code])
        await waitUntil('the server is bound', () => server.output().includes('bound'), server)
        return () => server.stop()
      },
      expected: [['broken', 'port-foreign']],
    },
    {
      name: '5 of 9: the table of connections is full',
      prepare: () => [
        instead('/proc/sys/net/netfilter/nf_conntrack_count', '262143\n'),
        instead('/proc/sys/net/netfilter/nf_conntrack_max', '262144\n'),
      ],
      expected: [['broken', 'conntrack-full']],
    },
    {
      name: '6 of 9: an address is not local',
      expected: [['broken', 'address-not-local']],
    },
    {
      name: '7 of 9: no TUN device, no state directory',
      prepare: () => ['mount -t tmpfs none /dev/net', 'export DNSLET_STATE_DIR=/nonexistent'],
      expected: [
        ['warning', 'tun-missing'],
        ['warning', 'state-directory'],
      ],
    },
    {
      name: '8 of 9: links of Cilium',
      async inject() {
        const ip = (...args: string[]): Promise<unknown> =>
          model.exec('node', ['ip', 'link', ...args])
        await ip('add', 'cilium_host', 'type', 'bridge')
        return () => ip('delete', 'cilium_host')
      },
      // The daemon would say that queries of pods arrive all the same: those above have.
      prepare: () => ['export DNSLET_STATE_DIR=/nonexistent'],
      expected: [['warning', 'data-plane-bypass']],
    },
  ]
  // One at a time takes a second for each; what several are told of at once is told of one as well.
  for (const group of isFull ? faults.map((one) => [one]) : [faults]) {
    test(group.map(({ name }) => name).join('; '), async () => {
      const undo: (() => Promise<unknown>)[] = []
      try {
        for (const { inject } of group) if (inject !== undefined) undo.push(await inject())
        const flags = ['--quick', '--localip', `${VIP},${OTHER},169.254.20.99`]
        const report = await examine(
          'node',
          flags,
          group.flatMap(({ prepare }) => prepare?.() ?? []),
        )
        for (const { expected } of group)
          for (const [severity, id] of expected) assertFound(report, severity, id)
      } finally {
        for (const end of undo) await end()
      }
    })
  }

  test('9 of 9: the resolv.conf of a pod leads past dnslet', async () => {
    const other = instead('/etc/resolv.conf', `${SEARCH}\nnameserver ${NOBODY}\noptions ndots:5\n`)
    const report = await examine('pod', ['--quick', '--localip', VIP], [other])
    assertFound(report, 'broken', 'resolver-bypasses')
  })

  test('and at last dnslet is frozen, then killed', async () => {
    signal(dnslet.pid, 'SIGSTOP')
    try {
      assertFound(await examine('node', ['--quick']), 'broken', 'daemon-frozen')
    } finally {
      signal(dnslet.pid, 'SIGKILL')
    }
    await waitUntil('its end', () => dnslet.ended() !== null)
    const report = await examine('node', ['--quick', '--localip', `${LINK_LOCAL},${VIP}`])
    assertFound(report, 'broken', 'daemon-missing')
    assertFound(report, 'warning', 'rules-abandoned')
  })
})
