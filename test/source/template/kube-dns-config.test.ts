import assert from 'node:assert/strict'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import {
  type KubeDnsConfig,
  kubeDnsFiles,
  readKubeDnsConfig,
} from '../../../src/source/template/kube-dns-config.ts'
import { mountConfigMap } from '../../helpers/config-map.ts'
import { temporaryFolder } from '../../helpers/nsd.ts'

function read(t: TestContext, keys: Readonly<Record<string, string>>): KubeDnsConfig {
  const directory = join(temporaryFolder(t), 'kube-dns')
  mountConfigMap(directory, keys)
  return readKubeDnsConfig(directory)
}

test('stub domains come sorted, whatever the order of the file', (t) => {
  const stubDomains = '{"b.test": ["192.0.2.1:5353", "fd00::1"], "a.b.test": ["[fd00::1]:53"]}'
  assert.deepEqual(read(t, { stubDomains, upstreamNameservers: '["192.0.2.9", "192.0.2.8:54"]' }), {
    stubDomains: [
      ['a.b.test', ['[fd00::1]:53']],
      ['b.test', ['192.0.2.1:5353', 'fd00::1']],
    ],
    upstreamServers: ['192.0.2.9', '192.0.2.8:54'],
  })
})

test('no directory, no key and an empty key ask for nothing', (t) => {
  const nothing = { stubDomains: [], upstreamServers: [] }
  assert.deepEqual(readKubeDnsConfig(join(temporaryFolder(t), 'absent')), nothing)
  assert.deepEqual(read(t, {}), nothing)
  assert.deepEqual(
    read(t, { stubDomains: '\n', upstreamNameservers: '', federations: '' }),
    nothing,
  )
  assert.deepEqual(read(t, { federations: 'a=b.test, c=d.test', other: '{' }), nothing)
})

const long = `${'a'.repeat(64)}.test`
const servers = (count: number): string =>
  JSON.stringify(Array.from({ length: count }, (_, i) => `192.0.2.${i + 1}`))

test('a stub domain has as many servers as forward takes', (t) => {
  const { stubDomains } = read(t, { stubDomains: `{"a.test": ${servers(15)}}` })
  assert.equal(stubDomains[0]![1].length, 15)
})

for (const [key, text, reason] of [
  ['stubDomains', '{"Upper.test": ["192.0.2.1"]}', 'invalid domain name: "Upper.test"'],
  ['stubDomains', '{"": ["192.0.2.1"]}', 'invalid domain name: ""'],
  ['stubDomains', '{"a.test.": ["192.0.2.1"]}', 'invalid domain name: "a.test."'],
  ['stubDomains', `{"${long}": ["192.0.2.1"]}`, `invalid domain name: "${long}"`],
  ['stubDomains', '{"a.test": ["ns.test"]}', 'invalid nameserver: "ns.test"'],
  ['stubDomains', '{"a.test": ["192.0.2.1:65536"]}', 'invalid nameserver: "192.0.2.1:65536"'],
  ['stubDomains', '{"a.test": []}', 'no nameserver for "a.test"'],
  ['stubDomains', `{"a.test": ${servers(16)}}`, 'more than 15 nameservers for "a.test": 16'],
  ['stubDomains', '{"a.test": "192.0.2.1"}', 'not a JSON array of strings'],
  ['stubDomains', '["192.0.2.1"]', 'not a JSON object of domains and their name servers'],
  ['stubDomains', '{"a.test": ["192.0.2.1"],}', 'JSON'],
  ['upstreamNameservers', '["192.0.2.1", 53]', 'not a JSON array of strings'],
  ['upstreamNameservers', '["1.1.1", "b"]', 'bad IP address: "1.1.1"'],
  ['upstreamNameservers', '["ns.test:53"]', 'bad IP address: "ns.test"'],
  ['upstreamNameservers', '["192.0.2.1:0"]', 'bad port number: "0"'],
  ['upstreamNameservers', '["192.0.2.1:70000"]', 'bad port number: "70000"'],
  [
    'upstreamNameservers',
    '["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"]',
    'upstreamNameserver cannot have more than three entries',
  ],
  ['federations', 'a=b.test,c', 'invalid federation: "c"'],
  ['federations', 'a.b=c.test', 'invalid federation: "a.b=c.test"'],
] as const) {
  test(`${key} ${text.slice(0, 60)} is refused: ${reason}`, (t) => {
    assert.throws(
      () => read(t, { [key]: text }),
      (error: Error & { code?: string }) => {
        assert.equal(error.code, 'E_KUBE_DNS_CONFIG')
        assert.match(error.message, new RegExp(`^Invalid config: /.*/kube-dns/${key}: `))
        return error.message.includes(reason)
      },
    )
  })
}

test('the files it reads are known, for whoever follows them', (t) => {
  const directory = temporaryFolder(t)
  for (const file of kubeDnsFiles(directory)) {
    writeFileSync(file, 'bad')
    assert.throws(() => readKubeDnsConfig(directory), new RegExp(`${file}: `))
    rmSync(file)
  }
})

test('a key that cannot be read is refused', (t) => {
  const directory = temporaryFolder(t)
  writeFileSync(join(directory, 'upstreamNameservers'), '["192.0.2.1"]')
  mkdirSync(join(directory, 'stubDomains'))
  assert.throws(() => readKubeDnsConfig(directory), /stubDomains: is a directory$/)
})
