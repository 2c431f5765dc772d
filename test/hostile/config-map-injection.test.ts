// What somebody who may edit the kube-dns ConfigMap can write into it: nothing of it may become another
// line of the Corefile, reach a file or end the daemon.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

import { nodeFiles } from '../../src/corefile/files.ts'
import { parse } from '../../src/corefile/parse.ts'
import { knownDirectives } from '../../src/plugins/index.ts'
import { stubZones } from '../../src/source/template/base-blocks.ts'
import {
  type KubeDnsConfig,
  noKubeDnsConfig,
  readKubeDnsConfig,
} from '../../src/source/template/kube-dns-config.ts'
import { render } from '../../src/source/template/render.ts'
import { mountConfigMap } from '../helpers/config-map.ts'
import { temporaryFolder } from '../helpers/nsd.ts'
import { templateNode } from './template-node.ts'

/** Names and addresses that are no name and no address, and what they would do if they were written. */
const words = [
  'a.test {\n}\n. ',
  'a.test\nimport /etc/shadow',
  'a.test:53',
  'a.test }',
  'a.test{',
  'a.test#',
  'a.test"',
  '"a.test',
  'a.test\\',
  'a test',
  'a.test\t',
  'a.test\r\n',
  'a.test\u0000',
  'a.test\u001b[2J',
  'a.test\u2028',
  'a.test\u0085errors',
  'a.test,b.test',
  '{$HOME}',
  '{%HOME%}',
  '(snippet)',
  '.',
  '*',
  '..',
  '-a.test',
  'a..test',
  '/etc/passwd',
  '10.0.0.0/8',
  '__PILLAR__CLUSTER__DNS__',
  '__PROMETHEUS__ENDPOINT__',
  'tls://192.0.2.1',
  'dns://192.0.2.1',
  'https://192.0.2.1',
  '192.0.2.1 192.0.2.2',
  '192.0.2.1 {\n force_tcp\n}',
  '192.0.2.1\n log',
  '192.0.2.1@53',
  '192.0.2.1:0x35',
  '192.0.2.1:',
  '[fd00::1',
  'fd00::1%lo',
  'fd00::1%\nlog',
  '',
]
/** What is not even a list of words. */
const shapes = [
  'null',
  'true',
  '0',
  '"x"',
  '[[]]',
  '[null]',
  '[{}]',
  '{"a.test": {"0": "192.0.2.1"}}',
  '{"__proto__": "x"}',
  '{"a.test": null}',
  '['.repeat(100_000),
  '\u0000',
  '{"a.test": ["192.0.2.1"]} {',
]

function read(t: TestContext, keys: Readonly<Record<string, string>>): KubeDnsConfig {
  const directory = join(temporaryFolder(t), 'kube-dns')
  mountConfigMap(directory, keys)
  return readKubeDnsConfig(directory)
}

/** Every line of the Corefile that comes of these settings, as words. */
function blocksOf(config: KubeDnsConfig): string[] {
  const base = '. {\n  forward . __PILLAR__UPSTREAM__SERVERS__\n}\n'
  const local = { port: 53, localIps: ['169.254.20.10'], directives: [] }
  const { text } = stubZones(config.stubDomains, [], local)
  const values = { localIps: [], upstream: null, prometheus: ':9253', ...config }
  const rendered = render(base + text, values)
  const reading = { directives: knownDirectives, env: {}, files: nodeFiles, warn: () => {} }
  return parse({ file: 'Corefile', text: rendered }, reading).map(({ keys, directives }) =>
    [keys, [...directives.values()].flat().flatMap(({ name, args }) => [name, ...args])]
      .flat()
      .map(({ text: word }) => word)
      .join(' '),
  )
}

for (const word of words) {
  test(`${JSON.stringify(word)} is neither a domain nor a name server`, (t) => {
    const refused = { code: 'E_KUBE_DNS_CONFIG' }
    const good = ['192.0.2.1']
    assert.throws(() => read(t, { stubDomains: JSON.stringify({ [word]: good }) }), refused)
    assert.throws(() => read(t, { stubDomains: JSON.stringify({ 'b.test': [word] }) }), refused)
    assert.throws(() => read(t, { upstreamNameservers: JSON.stringify([word]) }), refused)
    // White space around a pair belongs to nobody, and what it asks for is not used.
    if (word === word.trim()) assert.throws(() => read(t, { federations: `a=${word}` }), refused)
  })
}

for (const text of shapes) {
  test(`${text.slice(0, 40)} is refused in every key`, (t) => {
    for (const key of ['stubDomains', 'upstreamNameservers', 'federations'])
      assert.throws(() => read(t, { [key]: text }), { code: 'E_KUBE_DNS_CONFIG' }, key)
  })
}

test('an address is not guessed from octal or a number', (t) => {
  for (const word of ['0300.0.2.1', '3221225985', '0xc0000201', '192.0.2']) {
    assert.throws(() => read(t, { stubDomains: JSON.stringify({ 'b.test': [word] }) }), {
      code: 'E_KUBE_DNS_CONFIG',
    })
  }
})

test('what is accepted becomes words of forward and keys, and nothing else', (t) => {
  const config = read(t, {
    stubDomains: '{"constructor": ["192.0.2.1:53"], "import": ["[fd00::1]:5353"]}',
    upstreamNameservers: '["192.0.2.9"]',
  })
  assert.deepEqual(blocksOf(config), [
    '. forward . 192.0.2.9',
    'constructor:53 forward . 192.0.2.1:53',
    'import:53 forward . [fd00::1]:5353',
  ])
  assert.deepEqual(blocksOf(noKubeDnsConfig), ['. forward . /etc/resolv.conf'])
})

test('a hostile ConfigMap leaves the daemon serving, and a line of the log one line', async (t) => {
  const node = await templateNode(t)
  node.mount({ stubDomains: JSON.stringify({ 'a\n[FATAL] b\u001b[2J': ['192.0.2.1'] }) })
  const daemon = await node.serve()
  const lines = daemon.output().split('\n')
  assert.equal(
    lines.filter((line) => line.startsWith('[FATAL]')).length,
    0,
    'no line of theirs is one of ours',
  )
  assert.match(daemon.output(), /invalid domain name: "a\\n\[FATAL\] b\\x1b\[2J"/)
  assert.ok(!daemon.output().includes('\u001b'))
})
