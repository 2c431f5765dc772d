// Files, processes and resolv.conf, read from a folder in place of `/`.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'

import { processStatus, readProcessStatus } from '../../../src/host/readings/capabilities.ts'
import { clusterDnsOf, readKubeletDns } from '../../../src/host/readings/kubelet.ts'
import { lookAtFiles } from '../../../src/host/readings/node-files.ts'
import { mapReading, readNumber, readText } from '../../../src/host/readings/reading.ts'
import { parseResolvConf, queriesPerName } from '../../../src/lib/resolv-conf.ts'
import { temporaryFolder } from '../../helpers/nsd.ts'

function put(root: string, path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), text)
}

describe('readText()', () => {
  test('reads so much and no more, and says why it reads nothing', (t) => {
    const root = temporaryFolder(t)
    put(root, '/etc/long', 'x'.repeat(200_000))
    assert.deepEqual(readText('/etc/long', root, 70_000), { value: 'x'.repeat(70_000) })
    assert.deepEqual(readText('/etc/none', root), { why: '/etc/none does not exist' })
    assert.deepEqual(readText('/etc', root), { why: '/etc is no file' })
    assert.deepEqual(readText('/etc/long/er', root), { why: '/etc/long/er does not exist' })
    put(root, '/number', '42\n')
    assert.deepEqual(readNumber('/number', root), { value: 42 })
    put(root, '/empty', '\n')
    assert.deepEqual(readNumber('/empty', root), { why: '/empty holds no number' })
    assert.deepEqual(
      mapReading({ why: 'w' }, () => 1),
      { why: 'w' },
    )
  })

  test('does not wait for the other end of a pipe', (t) => {
    const root = temporaryFolder(t)
    assert.equal(spawnSync('mkfifo', [join(root, 'pipe')]).status, 0)
    assert.deepEqual(readText('/pipe', root), { why: '/pipe is no file' })
  })
})

describe('parseResolvConf()', () => {
  test("reads kubelet's", () => {
    const file =
      parseResolvConf(`search default.svc.cluster.local svc.cluster.local cluster.local lan
nameserver 10.96.0.10
nameserver fe80::1%eth0
options ndots:5 timeout:1
options rotate
`)
    assert.deepEqual(file, {
      nameservers: ['10.96.0.10', 'fe80::1%eth0'],
      search: ['default.svc.cluster.local', 'svc.cluster.local', 'cluster.local', 'lan'],
      ndots: 5,
      options: ['ndots:5', 'timeout:1', 'rotate'],
      ignored: [],
    })
    assert.equal(queriesPerName('example.com', file), 10)
    assert.equal(queriesPerName('example.com.', file), 2)
    assert.equal(queriesPerName('a.b.c.d.e.f', file), 2)
  })

  test('passes over comments and what means nothing; the last search list counts, ndots has a bound', () => {
    const file = parseResolvConf(`# nameserver 1.1.1.1
; nameserver 1.1.1.2
domain one
search two
nameserver not-an-address
nameserver 10.0.0.1%eth0
nonsense \x1b[31m
options ndots:99
sortlist 10.0.0.0
`)
    assert.deepEqual(file.nameservers, ['10.0.0.1'])
    assert.deepEqual(file.search, ['two'])
    assert.equal(file.ndots, 15)
    assert.deepEqual(file.ignored, ['nameserver not-an-address', 'nonsense \\x1b[31m'])
    assert.equal(parseResolvConf('').ndots, 1)
    assert.equal(parseResolvConf('x\n'.repeat(5_000)).ignored.length, 10)
  })
})

describe('readProcessStatus()', () => {
  const text = `Name:\tsleep\\nState:\tZ
Umask:\t0022
State:\tT (stopped)
CapInh:\t0000000000000000
CapEff:\t0000000000003400
`
  test('reads state and effective capabilities', () => {
    const { state, capabilities } = processStatus(text)
    assert.equal(state, 'T')
    assert.deepEqual([...capabilities], ['NET_BIND_SERVICE', 'NET_ADMIN', 'NET_RAW'])
    assert.deepEqual(processStatus('').state, '')
    assert.equal(processStatus('CapEff:\tnonsense').capabilities.size, 0)
  })

  test('of this process, and of none', () => {
    const self = readProcessStatus('self')
    assert.ok('value' in self && self.value.state === 'R')
    assert.ok('why' in readProcessStatus(4_194_305))
  })
})

describe('readKubeletDns()', () => {
  test("reads kubelet's flag, in either form", (t) => {
    for (const words of [
      ['--cluster-dns=10.96.0.10,fd00::a'],
      ['--cluster-dns', '10.96.0.10,fd00::a'],
    ]) {
      const root = temporaryFolder(t)
      put(root, '/proc/7/cmdline', 'sh\0-c\0kubelet\0')
      put(root, '/proc/812/cmdline', ['/usr/bin/kubelet', '--v=2', ...words, ''].join('\0'))
      assert.deepEqual(readKubeletDns(root), {
        addresses: ['10.96.0.10', 'fd00::a'],
        from: '--cluster-dns of process 812',
      })
    }
  })

  test('reads its configuration where the flag is not given', (t) => {
    const root = temporaryFolder(t)
    put(root, '/proc/812/cmdline', 'kubelet\0--config=x\0')
    put(
      root,
      '/var/lib/kubelet/config.yaml',
      'kind: KubeletConfiguration\nclusterDNS:\n- 169.254.20.10\nclusterDomain: x\n',
    )
    assert.deepEqual(readKubeletDns(root), {
      addresses: ['169.254.20.10'],
      from: 'clusterDNS in /var/lib/kubelet/config.yaml',
    })
    assert.equal(readKubeletDns(temporaryFolder(t)), null)
  })

  test('clusterDNS in YAML and in JSON, and none', () => {
    assert.deepEqual(clusterDnsOf('clusterDNS: ["10.0.0.10", \'fd00::a\']\n'), [
      '10.0.0.10',
      'fd00::a',
    ])
    assert.deepEqual(clusterDnsOf('{"clusterDNS": ["10.0.0.10"], "x": 1}'), ['10.0.0.10'])
    assert.deepEqual(
      clusterDnsOf('clusterDNS:\n  - 10.0.0.10\n  - "10.0.0.11"\nother: 1.2.3.4\n'),
      ['10.0.0.10', '10.0.0.11'],
    )
    assert.deepEqual(clusterDnsOf('clusterDNS: []\nx: 1\n'), [])
    assert.deepEqual(clusterDnsOf('nothing'), [])
  })
})

describe('lookAtFiles()', () => {
  const MOUNTS = `22 27 0:21 / /proc rw,relatime - proc proc rw
23 27 0:22 / / ro,relatime - overlay overlay rw
24 27 0:23 / /run/dnslet rw,relatime - ext4 /dev/sda1 rw
`
  test('says what is missing, wrong or usable', (t) => {
    const root = temporaryFolder(t)
    const nothing = lookAtFiles('/run/dnslet', root)
    assert.deepEqual(nothing.tun, { path: '/dev/net/tun', state: 'absent', detail: 'ENOENT' })
    assert.equal(nothing.stateDirectory.state, 'absent')
    assert.equal(nothing.rootIsReadOnly, null)
    assert.equal(nothing.stateIsMounted, null)
    put(root, '/dev/net/tun', '')
    put(root, '/run/dnslet/x', '')
    put(root, '/proc/self/mountinfo', MOUNTS)
    chmodSync(join(root, '/run/dnslet'), 0o700)
    const files = lookAtFiles('/run/dnslet', root)
    assert.deepEqual(files.tun, { path: '/dev/net/tun', state: 'wrong', detail: 'it is no device' })
    assert.equal(files.stateDirectory.state, 'usable')
    assert.equal(files.stateIsMounted, true)
    assert.equal(files.rootIsReadOnly, true)
    chmodSync(join(root, '/run/dnslet'), 0o777)
    assert.match(
      lookAtFiles('/run/dnslet', root).stateDirectory.detail,
      /others may write to it \(mode 777\)/,
    )
    symlinkSync('/tmp', join(root, 'link'))
    assert.equal(lookAtFiles('/link', root).stateDirectory.detail, 'it is a symbolic link')
    put(root, '/file', '')
    assert.equal(lookAtFiles('/file', root).stateDirectory.detail, 'it is no directory')
    assert.equal(lookAtFiles('', root).stateDirectory.state, 'absent')
  })
})
