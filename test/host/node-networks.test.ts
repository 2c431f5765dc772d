import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import { parseIp } from '../../src/corefile/ip.ts'
import { readNodeNetworks } from '../../src/host/node-networks.ts'
import { AddressSet } from '../../src/lib/address-set.ts'
import { ipText } from '../../src/sys/sockaddr.ts'
import { temporaryFolder } from '../helpers/nsd.ts'
import type { Owner } from '../helpers/processes.ts'

const HEAD = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n'

/** device, destination and mask in the byte order of the kernel's file, flags */
function v4(device: string, destination: string, mask: string, flags = '0001'): string {
  return `${device}\t${destination}\t00000000\t${flags}\t0\t0\t0\t${mask}\t0\t0\t0\n`
}

const none = '0'.repeat(32)
function v6(device: string, destination: string, length: string, flags = '00000001'): string {
  const name = device.padStart(8)
  return `${destination.padEnd(32, '0')} ${length} ${none} 00 ${none} 00000100 00000001 00000000 ${flags} ${name}\n`
}

function tree(owner: Owner, files: Readonly<Record<string, string>>): string {
  const root = temporaryFolder(owner)
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), text)
  }
  return root
}

async function podsOf(owner: Owner, files: Readonly<Record<string, string>>): Promise<string[]> {
  const { pods } = await readNodeNetworks(tree(owner, files), () => ({}))
  return pods.map(({ bytes, length }) => `${ipText(bytes)}/${length}`)
}

const node = [
  HEAD,
  v4('eth0', '00000000', '00000000', '0003'),
  v4('eth0', '0002000A', '00FFFFFF'),
  v4('cni0', '0001F40A', '00FFFFFF'),
  v4('cali1', '0909F40A', 'FFFFFFFF', '0005'),
  v4('*', '0009F40A', 'C0FFFFFF', '0201'),
  v4('flannel.1', '0002F40A', '00FFFFFF', '0003'),
].join('')

describe('readNodeNetworks()', () => {
  test('takes what does not lie behind an uplink for the pods', async (t) => {
    const route6 = [
      v6('eth0', '', '00', '00000003'),
      v6('eth0', '20010db8', '40'),
      v6('cali1', 'fd000244000000000000000000000007', '80'),
      v6('cali1', 'fe80', '40'),
      v6('cali1', 'ff00', '08'),
      v6('cali1', 'fd000244000000000000000000000001', '80', '80200001'),
      v6('lo', '', '00', '00200200'),
    ].join('')
    assert.deepEqual(await podsOf(t, { 'proc/net/route': node, 'proc/net/ipv6_route': route6 }), [
      '10.244.1.0/24',
      '10.244.9.9/32',
      '10.244.2.0/24',
      'fd00:244::7/128',
    ])
  })

  test('knows further uplinks: hardware, bonds and VLANs', async (t) => {
    const storage = ['eth1', 'bond0', 'bond0.7'].map((device, i) =>
      v4(device, `0000${14 + i}AC`, '0000FFFF'),
    )
    const pods = await podsOf(t, {
      'proc/net/route': node + storage.join(''),
      'proc/net/vlan/bond0.7': '',
      'sys/class/net/bonding_masters': 'bond0\n',
      'sys/devices/virtual/net/cni0/mtu': '',
      'sys/devices/virtual/net/cali1/mtu': '',
      'sys/devices/virtual/net/bond0/mtu': '',
      'sys/devices/virtual/net/bond0.7/mtu': '',
      'sys/devices/virtual/net/flannel.1/mtu': '',
    })
    assert.deepEqual(pods, ['10.244.1.0/24', '10.244.9.9/32', '10.244.2.0/24'])
  })

  test('reads a megabyte of a table and no more', async (t) => {
    const long = v4('cni0', '0001F40A', '00FFFFFF').repeat(40_000)
    const pods = await podsOf(t, { 'proc/net/route': HEAD + long })
    assert.ok(pods.length > 20_000 && pods.length < 40_000, String(pods.length))
  })

  test('takes no line for what it is not', async (t) => {
    const odd = ['', 'cni0', 'cni0\tzz', v4('cni0', 'XX01F40A', '00FFFFFF'), '\0'.repeat(200)]
    assert.deepEqual(await podsOf(t, { 'proc/net/route': odd.join('\n') }), [])
    assert.deepEqual(await podsOf(t, {}), [])
  })

  test('knows the addresses of this machine', async () => {
    const own = new AddressSet((await readNodeNetworks()).node)
    for (const infos of Object.values(networkInterfaces())) {
      for (const { address } of infos ?? []) {
        const bytes = parseIp(address)!
        assert.ok(own.has(bytes, 0, bytes.length), address)
      }
    }
  })
})
