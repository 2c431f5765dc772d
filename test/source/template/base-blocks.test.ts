import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nodeFiles } from '../../../src/corefile/files.ts'
import { parseKeys } from '../../../src/corefile/keys.ts'
import { parse } from '../../../src/corefile/parse.ts'
import { knownDirectives, plugins } from '../../../src/plugins/index.ts'
import {
  type BaseBlock,
  clusterDomain,
  type StubZones,
  stubZones,
  usesUpstream,
} from '../../../src/source/template/base-blocks.ts'

function blocksOf(text: string): readonly BaseBlock[] {
  const warn = (): void => {}
  const options = { directives: knownDirectives, env: {}, files: nodeFiles, warn }
  const blocks = parse({ file: 'base', text }, options)
  return blocks.map((block) => ({ block, keys: parseKeys(block.keys, { port: 53, warn }) }))
}

const root = '.:53 {\n  errors\n  cache 30\n  forward . /etc/resolv.conf\n}\n'
const cluster = 'forward . __PILLAR__CLUSTER__DNS__'

function stubs(base: string, domains: Readonly<Record<string, readonly string[]>>): StubZones {
  const directives = plugins.filter((plugin) => plugin.stubZones).map(({ name }) => name)
  const settings = { port: 53, localIps: ['169.254.20.10', 'fd00::a'], directives }
  return stubZones(Object.entries(domains), blocksOf(base), settings)
}

test('the domain of the cluster is the first forward zone that needs the upstream', () => {
  const domain = (base: string): string | null => clusterDomain(blocksOf(base))
  assert.equal(domain(`${root}in-addr.arpa ip6.arpa 10.in-addr.arpa {\n ${cluster}\n}\n`), null)
  const several = `ip6.arpa {\n ${cluster}\n}\na.test {\n forward . 9.9.9.9\n}\n`
  assert.equal(
    domain(`${several}Corp.Local:53 {\n ${cluster}:54 {\n force_tcp\n }\n}\n`),
    'corp.local',
  )
})

test('a block uses the upstream in arguments and options alike', () => {
  const uses = (body: string): boolean => blocksOf(`. {\n ${body}\n}\n`).some(usesUpstream)
  assert.equal(uses(cluster), true)
  assert.equal(uses('forward . x {\n resolver __PILLAR__CLUSTER__DNS__\n }'), true)
  assert.equal(uses('forward . __PILLAR__UPSTREAM__SERVERS__'), false)
})

test('a stub zone is the block for everything else, with another zone and other servers', () => {
  const base =
    'cluster.local {\n  health 127.0.0.1:8080\n  cache 5\n}\n.:53 {\n  errors\n  cache 60 {\n' +
    '    success 100 30\n  }\n  reload 2s\n  loop\n  bind __PILLAR__LOCAL__DNS__\n' +
    '  forward . __PILLAR__UPSTREAM__SERVERS__ {\n    force_tcp\n  }\n  prometheus :9253\n' +
    '  ready\n  log . "{type} \\"{name}\\""\n}\n'
  const { text, warnings } = stubs(base, {
    'a.test': ['192.0.2.1'],
    'b.test': ['192.0.2.2:54', 'fd00::1'],
  })
  const body = (forward: string): string =>
    '    errors\n    cache 60 {\n        success 100 30\n    }\n    reload 2s\n    loop\n' +
    '    bind __PILLAR__LOCAL__DNS__\n    prometheus :9253\n    log . "{type} \\"{name}\\""\n' +
    `    forward . ${forward}\n`
  assert.equal(
    text,
    `\na.test:53 {\n${body('192.0.2.1')}}\n\nb.test:53 {\n${body('192.0.2.2:54 fd00::1')}}\n`,
  )
  assert.deepEqual(warnings, [])
  const log = blocksOf(text)[0]!.block.directives.get('log')![0]!
  assert.equal(log.args[1]!.text, '{type} "{name}"', 'quotes survive the way there and back')
})

test('a zone that the base file serves is left out, the others are not', () => {
  const own = 'a.test b.test:54 {\n  forward . 192.0.2.9\n}\n'
  const { text, warnings } = stubs(root + own, { 'a.test': ['192.0.2.1'], 'b.test': ['192.0.2.2'] })
  assert.doesNotMatch(text, /^a\.test/m)
  assert.match(text, /^b\.test:53 \{/m)
  assert.equal(warnings.length, 1)
  assert.match(warnings[0]!, /^stub domain a\.test is left out/)
})

test('nobody is asked by itself', () => {
  const { text, warnings } = stubs(root, {
    'a.test': ['169.254.20.10', '192.0.2.1', '[fd00::a]:53'],
    'b.test': ['fd00::a'],
    'c.test': ['169.254.20.10:54'],
  })
  assert.match(text, /^a\.test:53 \{\n    errors\n    cache 30\n    forward \. 192\.0\.2\.1\n\}/m)
  assert.doesNotMatch(text, /^b\.test/m)
  assert.match(text, /^c\.test:53/m, 'another port is another server')
  assert.equal(warnings.length, 2)
})

test('without a block for everything else the first one is the model', () => {
  const { text } = stubs('x.test {\n  cache 7\n}\n', { 'a.test': ['192.0.2.1'] })
  assert.match(text, /cache 7/)
})
