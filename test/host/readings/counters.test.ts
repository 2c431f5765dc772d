// What the kernel counts, read from captured text of /proc.
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'

import { conntrackStatistics, readConntrack } from '../../../src/host/readings/conntrack.ts'
import {
  protocolCounters,
  readNetworkCounters,
  softnetDrops,
} from '../../../src/host/readings/network-counters.ts'
import { valueOf } from '../../../src/host/readings/reading.ts'
import { temporaryFolder } from '../../helpers/nsd.ts'
import type { Owner } from '../../helpers/processes.ts'

/** A folder with these files in it, in place of `/`. */
function rootWith(owner: Owner, files: Readonly<Record<string, string>>): string {
  const root = temporaryFolder(owner)
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return root
}

const STATISTICS = `entries  clashres found new invalid ignore delete chainlength insert insert_failed drop early_drop icmp_error  expect_new expect_create expect_delete search_restart
00000012  00000003 00000000 00000000 00000a00 00000000 00000000 00000000 00000000 000000ff 00000000 00000001 00000000  00000000 00000000 00000000 00000010
00000012  00000001 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000001 00000002 00000000 00000000  00000000 00000000 00000000 00000001
`

describe('conntrack', () => {
  test('its columns are summed over the CPUs, but for the number of entries', () => {
    const sums = conntrackStatistics(STATISTICS)
    assert.equal(sums.get('entries'), 0x12)
    assert.equal(sums.get('insert_failed'), 0x100)
    assert.equal(sums.get('drop'), 2)
    assert.equal(sums.get('early_drop'), 1)
    assert.equal(sums.get('search_restart'), 0x11)
    assert.equal(sums.get('clash_resolve'), 4)
  })

  test('hostile text has no effect but zeros', () => {
    for (const text of ['', '\n\n', 'drop\nzz\n', 'drop\n-1 2 3\n', 'drop\nffffffffffffffff\n']) {
      assert.ok(
        [...conntrackStatistics(text).values()].every((value) => value === 0),
        text,
      )
    }
  })

  test('settings and statistics are read, or said to be missing', (t) => {
    const folder = '/proc/sys/net/netfilter/nf_conntrack'
    const root = rootWith(t, {
      [`${folder}_count`]: '18\n',
      [`${folder}_max`]: 'many\n',
      '/proc/net/stat/nf_conntrack': STATISTICS,
    })
    const read = readConntrack(root)
    assert.deepEqual(read.count, { value: 18 })
    assert.deepEqual(read.max, { why: `${folder}_max holds no number` })
    assert.deepEqual(read.buckets, { why: `${folder}_buckets does not exist` })
    assert.equal(valueOf(read.statistics)?.get('insert_failed'), 256)
  })
})

const SNMP = `Ip: Forwarding DefaultTTL ReasmFails
Ip: 1 64 7
Udp: InDatagrams NoPorts RcvbufErrors
Udp: 235786316 554558 2529173
`
const NETSTAT = `TcpExt: SyncookiesSent IPReversePathFilter
TcpExt: 0 12
`
const UDP = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  312: 0A00600A:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4711 2 0000000000000000 42
  313: 0A14FEA9:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4712 2 0000000000000000 0
  314: 0A00600A:0035 0100000A:D431 01 00000000:00000000 00:00000000 00000000     0        0 4713 2 0000000000000000 9
  315: 0A00600A:14E9 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4714 2 0000000000000000 5
`
const UDP6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  316: 960000FD0000000000000000 0A000000:0035 x
  317: 960000FD00000000000000000A000000:0035 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4715 2 0000000000000000 3
`

describe('counters of the network', () => {
  test('are found by table and name', () => {
    const found = protocolCounters(`${SNMP}${NETSTAT}`)
    assert.equal(found.get('Udp.RcvbufErrors'), 2_529_173)
    assert.equal(found.get('Ip.ReasmFails'), 7)
    assert.equal(found.get('TcpExt.IPReversePathFilter'), 12)
    assert.equal(found.size, 8)
  })

  test('a line without its pair, or with odd values, counts nothing', () => {
    assert.equal(protocolCounters('Udp: A B\nIcmp: C\nUdp: 1 2\n').size, 0)
    assert.deepEqual([...protocolCounters('Udp: A B\nUdp: x 2\n')], [['Udp.B', 2]])
  })

  test("drops of CPUs' queues are summed", () => {
    assert.equal(softnetDrops('08bcc4fa 00000010 0000002b\n0b53d1f6 00000001 00000020\nodd\n'), 17)
  })

  test('drops of sockets are those of servers on the port, by address', (t) => {
    const root = rootWith(t, {
      '/proc/net/snmp': SNMP,
      '/proc/net/netstat': NETSTAT,
      '/proc/net/udp': UDP,
      '/proc/net/udp6': UDP6,
      '/proc/net/softnet_stat': '00000001 00000002 00000000\n',
    })
    const read = readNetworkCounters(53, root)
    assert.deepEqual(Object.fromEntries(valueOf(read.socketDrops) ?? []), {
      '10.96.0.10': 42,
      '169.254.20.10': 0,
      'fd00:96::a': 3,
    })
    assert.deepEqual(read.softnetDropped, { value: 2 })
    assert.equal(valueOf(read.counters)?.get('TcpExt.IPReversePathFilter'), 12)
    const nothing = readNetworkCounters(53, temporaryFolder(t))
    assert.ok('why' in nothing.counters && 'why' in nothing.socketDrops)
  })
})
