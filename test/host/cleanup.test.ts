import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { removeLink, removeRules, removeState } from '../../src/host/cleanup.ts'
import { libc } from '../../src/sys/libc.ts'
import { dummyStandIn } from '../helpers/dummy-stand-in.ts'
import { LinesLog } from '../helpers/lines-log.ts'
import { temporaryFolder } from '../helpers/nsd.ts'
import { enterOwnNetwork, ip } from '../helpers/own-network.ts'
import { scriptedPrograms } from '../helpers/scripted-programs.ts'

const skip = enterOwnNetwork() || (libc().libc === null && 'needs koffi')

describe('removeState()', () => {
  test('removes what a dnslet keeps, in all its directories, and these', (t) => {
    const root = join(temporaryFolder(t), 'dnslet')
    const folders = [root, join(root, '0a1b2c3d4e5f'), join(root, '65532', '0a1b2c3d4e5f')]
    for (const folder of folders) {
      mkdirSync(folder, { recursive: true })
      for (const file of [
        'last-good.json',
        'kube-dns-pods.json',
        'handover.sock',
        'admin.sock',
        'Corefile',
      ]) {
        writeFileSync(join(folder, file), '')
      }
      writeFileSync(join(folder, 'last-good.json.0123456789ab'), '')
    }
    const removed = removeState(root)
    assert.equal(existsSync(root), false)
    assert.equal(removed.length, 6 * folders.length + 4, 'files, and directories')
    assert.deepEqual(removeState(root), [], 'nothing to do the second time')
  })

  test("leaves what is others'", (t) => {
    const root = join(temporaryFolder(t), 'dnslet')
    mkdirSync(join(root, 'mine'), { recursive: true })
    for (const file of ['notes', 'last-good.json', 'mine/last-good.json']) {
      writeFileSync(join(root, file), '')
    }
    assert.deepEqual(removeState(root), [join(root, 'last-good.json')])
    assert.deepEqual(readdirSync(root).toSorted(), ['mine', 'notes'])
  })
})

describe('removeLink()', { skip }, () => {
  test('removes a dummy, and addresses of ours from lo', () => {
    // A bridge stands in for the dummy, which not every kernel has.
    const library = dummyStandIn(libc().libc!, 'bridge', 0)
    ip('link add nodelocaldns type bridge')
    for (const address of ['10.96.0.10/32', '10.9.9.9/32']) ip(`address add ${address} dev lo`)
    ip('address add fd00:96::a/128 dev lo nodad')
    const addresses = ['10.96.0.10', '169.254.20.10', 'fd00:0096::A']
    assert.deepEqual(removeLink(library, 'nodelocaldns', addresses).toSorted(), [
      'address 10.96.0.10 on lo',
      'address fd00:96::a on lo',
      'link nodelocaldns',
    ])
    assert.match(ip('address show dev lo'), /10\.9\.9\.9/)
    assert.deepEqual(removeLink(library, 'nodelocaldns', addresses), [])
  })

  test('leaves a link of another kind', (t) => {
    ip('link add nodelocaldns type veth peer name other')
    t.after(() => void ip('link delete nodelocaldns'))
    assert.deepEqual(removeLink(libc().libc!, 'nodelocaldns', []), [])
  })
})

describe('removeRules()', () => {
  const tables =
    'table inet dnslet\ntable inet dnslet-ab12\ntable inet filter\ntable inet dnsletter'
  const rule = (comment: string): string =>
    `-A INPUT -p udp -m comment --comment "${comment}" -j ACCEPT`
  const save = [
    '*filter',
    rule('dnslet: allow DNS traffic [01234567]'),
    rule('dnslet-ab12: allow DNS traffic [01234567]'),
    rule('NodeLocal DNS Cache: allow DNS traffic'),
    rule('somebody: dnslet'),
    'COMMIT',
  ].join('\n')
  const script = {
    nft: '',
    'nft list tables inet': tables,
    'iptables-nft-save -V': 'iptables-nft-save v1.8.9 (nf_tables)',
    'iptables-nft-save -t filter': save,
    'iptables-nft-save': '',
    'ip6tables-nft-save': '',
    'iptables-nft-restore': '',
  }

  test('removes tables and rules of every dnslet and of node-cache', async () => {
    const programs = scriptedPrograms(script)
    const removed = await removeRules(programs, new Set(), new LinesLog())
    assert.deepEqual(removed, [
      'table inet dnslet',
      'table inet dnslet-ab12',
      '3 rules of iptables',
    ])
    const deleted = programs.ran.filter((line) => line.startsWith('nft delete'))
    assert.deepEqual(deleted, ['nft delete table inet dnslet', 'nft delete table inet dnslet-ab12'])
  })

  test('but not those of a dnslet that is alive', async () => {
    const removedBut = (scope: string): Promise<string[]> =>
      removeRules(scriptedPrograms(script), new Set([scope]), new LinesLog())
    assert.deepEqual(await removedBut(''), ['table inet dnslet-ab12', '1 rules of iptables'])
    assert.deepEqual(await removedBut('-ab12'), ['table inet dnslet', '2 rules of iptables'])
  })
})
