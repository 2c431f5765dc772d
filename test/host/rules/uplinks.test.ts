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

const none = (): boolean => false

function tree(owner: Owner, files: Readonly<Record<string, string>>): string {
  const root = temporaryFolder(owner)
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), text)
  }
  return root
}

test('findUplinks() names interfaces of default routes, but no software switches', async (t) => {
  const device = (name: string, own: string, below: string): Record<string, string> => ({
    [`sys/class/net/${name}/ifindex`]: own,
    [`sys/class/net/${name}/iflink`]: below,
  })
  const root = tree(t, {
    'proc/net/route': IPV4,
    'proc/net/ipv6_route': IPV6,
    ...device('eth0', '2\n', '2\n'),
    'sys/class/net/eth0/device/vendor': '0x1af4',
    ...device('br0', '3\n', '3\n'),
    'sys/class/net/br0/bridge/stp_state': '0',
    ...device('ovs0', '4\n', '4\n'),
    ...device('bond0', '5\n', '5\n'),
    'sys/class/net/bond0/bonding/mode': 'active-backup 1',
    ...device('half', '6\n', '9\n'),
    ...device('cali1', '7\n', '8\n'),
    ...device('wg0', '10\n', '11\n'),
  })
  assert.deepEqual(await findUplinks(none, root), ['bond0', 'eth0'])
})

test('findUplinks() takes one end of a pair for an uplink', async (t) => {
  const root = tree(t, {
    'proc/net/route': IPV4,
    'sys/class/net/eth0/ifindex': '2',
    // As of the node in a container: index 2 there, and its other end index 2 outside.
    'sys/class/net/eth0/iflink': '2',
  })
  assert.deepEqual(await findUplinks((name) => name === 'eth0', root), ['eth0'])
  assert.deepEqual(await findUplinks(none, root), [])
})

test('findUplinks() finds none where there is no route', async (t) => {
  assert.deepEqual(await findUplinks(none, temporaryFolder(t)), [])
})
