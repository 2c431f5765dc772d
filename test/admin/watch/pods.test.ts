import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { parseCniResult, Pods } from '../../../src/admin/watch/pods.ts'
import { temporaryFolder } from '../../helpers/nsd.ts'

/** What libcni stores, as containerd's nodes have it. */
function stored(pod: string, addresses: readonly string[], namespace = 'shop'): string {
  return JSON.stringify({
    kind: 'cniCacheV1',
    containerId: 'd2f0c1',
    config: 'eyJjbmlWZXJzaW9uIjoiMC4zLjEifQ==',
    ifName: 'eth0',
    networkName: 'k8s-pod-network',
    cniArgs: [
      ['IgnoreUnknown', '1'],
      ['K8S_POD_NAMESPACE', namespace],
      ['K8S_POD_NAME', pod],
      ['K8S_POD_INFRA_CONTAINER_ID', 'd2f0c1'],
    ],
    result: {
      cniVersion: '0.3.1',
      dns: {},
      interfaces: [{ name: 'cali1' }],
      ips: addresses.map((address) => ({ version: '4', address })),
    },
  })
}

test('parseCniResult() reads every version of a result', () => {
  assert.deepEqual(parseCniResult(stored('web-1', ['10.244.1.7/32', 'FD00:0::7/128'])), {
    addresses: ['10.244.1.7', 'fd00::7'],
    pod: 'shop/web-1',
  })
  const old = {
    cniArgs: [
      ['K8S_POD_NAMESPACE', 'shop'],
      ['K8S_POD_NAME', 'web-1'],
    ],
    result: { cniVersion: '0.2.0', ip4: { ip: '10.244.1.7/24' }, ip6: { ip: 'fd00::7/64' } },
  }
  assert.deepEqual(parseCniResult(JSON.stringify(old))?.addresses, ['10.244.1.7', 'fd00::7'])
})

describe('parseCniResult() takes nothing else for one', () => {
  for (const text of [
    '',
    'null',
    '[]',
    '"x"',
    '{"result":{}}',
    '{"cniArgs":[["K8S_POD_NAMESPACE","a"],["K8S_POD_NAME","b"]]}',
    '{"cniArgs":{"K8S_POD_NAME":1},"result":[]}',
    '{"cniArgs":[null,1,["K8S_POD_NAME"]],"result":{"ips":[{"address":"10.0.0.1/8"}]}}',
    stored('web-1', []),
    stored('web-1', ['somewhere/24', 'fe80::1%eth0/64']),
    stored('\u001b[2J', ['10.244.1.7/24']),
    stored('web-1', ['10.244.1.7/24'], '<b>'),
    stored('x'.repeat(300), ['10.244.1.7/24']),
  ]) {
    test(text.slice(0, 80) || 'an empty file', () => assert.equal(parseCniResult(text), null))
  }
})

describe('Pods', () => {
  test('tells them once it has looked, and looks every ten seconds at most', async (t) => {
    const folder = temporaryFolder(t)
    const file = (name: string): string => join(folder, name)
    let now = 0
    const pods = new Pods({ DNSLET_CNI_RESULTS: folder }, () => now)
    writeFileSync(file('k8s-pod-network-a-eth0'), stored('web-1', ['10.244.1.7/32']))
    pods.look()
    assert.equal(pods.of('10.244.1.7'), '')
    await pods.looking
    assert.equal(pods.of('10.244.1.7'), 'shop/web-1')
    writeFileSync(file('k8s-pod-network-b-eth0'), stored('web-2', ['10.244.1.8/32']))
    now += 9_999
    pods.look()
    await pods.looking
    assert.equal(pods.of('10.244.1.8'), '')
    now += 1
    pods.look()
    await pods.looking
    assert.equal(pods.of('10.244.1.8'), 'shop/web-2')
  })

  test('believes the latest of two pods with one address', async (t) => {
    const folder = temporaryFolder(t)
    writeFileSync(join(folder, 'a'), stored('gone', ['10.244.1.7/32']))
    writeFileSync(join(folder, 'b'), stored('here', ['10.244.1.7/32']))
    utimesSync(join(folder, 'a'), 1_000, 1_000)
    const pods = new Pods({ DNSLET_CNI_RESULTS: folder })
    pods.look()
    await pods.looking
    assert.equal(pods.of('10.244.1.7'), 'shop/here')
  })

  test('reads 1,024 files at most', async (t) => {
    const folder = temporaryFolder(t)
    const address = (i: number): string => `10.244.${i >> 8}.${i & 255}`
    for (let i = 0; i < 1_030; i++) writeFileSync(join(folder, `${i}`), stored('x', [address(i)]))
    const pods = new Pods({ DNSLET_CNI_RESULTS: folder })
    pods.look()
    await pods.looking
    const known = Array.from({ length: 1_030 }, (_, i) => pods.of(address(i)))
    assert.equal(known.filter((pod) => pod === 'shop/x').length, 1_024)
  })

  test('passes over what is no such file', async (t) => {
    const folder = temporaryFolder(t)
    mkdirSync(join(folder, 'folder'))
    execFileSync('mkfifo', [join(folder, 'pipe')])
    writeFileSync(join(folder, 'secret'), stored('linked', ['10.244.1.1/32']))
    symlinkSync(join(folder, 'secret'), join(folder, 'link'))
    writeFileSync(join(folder, 'large'), stored('large', ['10.244.1.2/32']) + ' '.repeat(2 ** 16))
    const pods = new Pods({ DNSLET_CNI_RESULTS: folder })
    pods.look()
    await pods.looking
    assert.equal(pods.of('10.244.1.1'), 'shop/linked')
    assert.equal(pods.of('10.244.1.2'), '')
  })

  test('knows nobody where there is no folder', async (t) => {
    for (const folder of ['', join(temporaryFolder(t), 'absent')]) {
      const pods = new Pods({ DNSLET_CNI_RESULTS: folder })
      pods.look()
      await pods.looking
      assert.equal(pods.of('10.244.1.7'), '')
    }
  })
})
