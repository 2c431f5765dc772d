import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'

import { findUplinks } from '../../../src/host/rules/uplinks.ts'
import { temporaryFolder } from '../../helpers/nsd.ts'
import type { Owner } from '../../helpers/processes.ts'

const IPV4 = `Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
br0\t00000000\t0101A8C0\t0003\t0\t0\t200\t00000000\t0\t0\t0
ovs0\t00000000\t0101A8C0\t0003\t0\t0\t300\t00000000\t0\t0\t0
cali1\t0909F40A\t00000000\t0005\t0\t0\t0\tFFFFFFFF\t0\t0\t0
half\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000080\t0\t0\t0
*\t00000000\t00000000\t0201\t0\t0\t999\t00000000\t0\t0\t0
`
const zero = '0'.repeat(32)
const IPV6 = `${zero} 00 ${zero} 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003     bond0
${zero} 00 ${zero} 00 ${zero} ffffffff 00000001 00000000 00200200       lo
fd000000000000000000000000000000 40 ${zero} 00 ${zero} 00000100 00000001 00000000 00000001     wg0
`

function linksOf(kinds: Readonly<Record<string, string>>): {
  link(name: string): { readonly kind: string } | null
} {
  return {
    link(name) {
      const kind = kinds[name]
      return kind === undefined ? null : { kind }
    },
  }
}

function tree(owner: Owner, files: Readonly<Record<string, string>>): string {
  const root = temporaryFolder(owner)
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), text)
  }
  return root
}

test('findUplinks() names interfaces of default routes, but no software switches', async (t) => {
  const root = tree(t, { 'proc/net/route': IPV4, 'proc/net/ipv6_route': IPV6 })
  const kinds = { eth0: '', br0: 'bridge', ovs0: 'openvswitch', bond0: 'bond', half: '', wg0: '' }
  assert.deepEqual(await findUplinks(linksOf(kinds), root), ['bond0', 'eth0'])
})

test('findUplinks() takes one end of a pair for an uplink', async (t) => {
  const root = tree(t, { 'proc/net/route': IPV4 })
  assert.deepEqual(await findUplinks(linksOf({ eth0: 'veth' }), root), ['eth0'])
})

test('findUplinks() leaves out a tunnel, and a link that has just gone', async (t) => {
  const root = tree(t, { 'proc/net/route': IPV4 })
  assert.deepEqual(await findUplinks(linksOf({ eth0: 'tun' }), root), [])
})

test('findUplinks() finds none where there is no route', async (t) => {
  assert.deepEqual(await findUplinks(linksOf({}), temporaryFolder(t)), [])
})
