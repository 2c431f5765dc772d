import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { valueError } from '../../src/corefile/error.ts'
import { parseArgs } from '../../src/options/options.ts'
import { type Configuration, openConfiguration } from '../../src/source/configuration.ts'
import { CorefileSource, readCorefile } from '../../src/source/corefile-source.ts'
import { TemplateSource } from '../../src/source/template-source.ts'
import { mountConfigMap } from '../helpers/config-map.ts'
import { LinesLog } from '../helpers/lines-log.ts'
import { temporaryFolder } from '../helpers/nsd.ts'

function open(t: TestContext, env: Readonly<Record<string, string>>, ...args: readonly string[]) {
  const folder = temporaryFolder(t)
  const base = join(folder, 'base')
  writeFileSync(base, 'cluster.local {\n  forward . __PILLAR__CLUSTER__DNS__\n}\n')
  const conf = join(folder, 'Corefile')
  const argv = args.map((arg) => arg.replace('BASE', base).replace('CONF', conf))
  const command = parseArgs([
    ...argv,
    '-kubednscm',
    join(folder, 'kube-dns'),
    '-localip=10.96.0.10',
  ])
  assert.ok(command.kind === 'serve')
  const state = join(folder, 'state')
  mkdirSync(state)
  const log = new LinesLog()
  const configuration: Configuration = openConfiguration(command.options, env, log, state)
  return { configuration, conf, log, kept: join(state, 'last-good.json') }
}

const parsing = { directives: ['whoami'], env: {}, warn: (): void => {} }

test('without a base file -conf is loaded', (t) => {
  for (const conf of [['-conf', 'CONF'], ['-conf=stdin'], []]) {
    const { configuration } = open(t, {}, ...conf)
    assert.ok(configuration.source instanceof CorefileSource)
    assert.equal(configuration.fallbacks.length, conf[0] === '-conf=stdin' ? 0 : 1)
  }
})

test('a Corefile in service is written and kept', (t) => {
  const env = { KUBE_DNS_SERVICE_HOST: '10.96.7.7' }
  const { configuration, conf, kept, log } = open(t, env, '-basecorefile', 'BASE', '-conf', 'CONF')
  assert.ok(configuration.source instanceof TemplateSource)
  const corefile = configuration.source.load()
  assert.equal(existsSync(conf), false, 'not before it serves')
  assert.equal(configuration.upstreamKnown(corefile), true)
  configuration.inService(corefile)
  assert.equal(readFileSync(conf, 'utf8'), 'cluster.local {\n  forward . 10.96.7.7\n}\n')
  assert.equal(existsSync(kept), true)
  assert.deepEqual(log.lines, [
    '[INFO] Updated Corefile with 0 custom stubdomains and upstream servers of the node',
  ])
})

test('what the state directory had no room for is kept with the next sync interval', (t) => {
  const { configuration, kept, log } = open(t, {}, '-conf', 'CONF', '-syncinterval=30s')
  t.mock.timers.enable({ apis: ['setInterval'] })
  rmdirSync(dirname(kept))
  const blocks = readCorefile({ file: 'Corefile', text: '.\n' }, parsing)
  configuration.inService(blocks)
  t.after(configuration.follow(() => {}))
  mkdirSync(dirname(kept))
  t.mock.timers.tick(29_999)
  assert.equal(existsSync(kept), false)
  t.mock.timers.tick(1)
  assert.equal(existsSync(kept), true)
  assert.equal(log.lines.length, 1)
})

test('without the upstream it is written, not kept, and nothing may be intercepted', (t) => {
  // kube-dns's own ClusterIP is ours here: forwarding to it would be a loop.
  const env = { KUBE_DNS_SERVICE_HOST: '10.96.0.10' }
  const { configuration, conf, kept } = open(t, env, '-basecorefile', 'BASE', '-conf', 'CONF')
  const corefile = configuration.source.load()
  configuration.inService(corefile)
  assert.equal(configuration.upstreamKnown(corefile), false)
  assert.equal(existsSync(conf), true)
  assert.equal(existsSync(kept), false)
})

test('a ConfigMap directory that was named and does not exist is warned of', (t) => {
  const env = { KUBE_DNS_SERVICE_HOST: '10.96.7.7' }
  const { configuration, log } = open(t, env, '-basecorefile', 'BASE', '-conf', 'CONF')
  configuration.source.load()
  t.after(configuration.follow(() => {}))
  assert.equal(log.lines.length, 1)
  assert.match(log.lines[0]!, /^\[WARNING\] -kubednscm: there is no directory \/.*\/kube-dns, /)
})

test('only a bad ConfigMap is done without', (t) => {
  const { configuration } = open(t, {}, '-basecorefile', 'BASE', '-conf', 'CONF')
  const [, withoutKubeDns] = configuration.fallbacks
  assert.equal(withoutKubeDns!(new Error('address in use'), null), null)
})

test('a Corefile that cannot be used is tried without the ConfigMap that went into it', (t) => {
  const env = { KUBE_DNS_SERVICE_HOST: '10.96.7.7' }
  const { configuration, log, conf } = open(t, env, '-basecorefile', 'BASE', '-conf', 'CONF')
  const [, withoutKubeDns] = configuration.fallbacks
  const refused = valueError({ text: '', file: 'base', line: 5 }, 'refused')
  assert.equal(configuration.source.load().blocks.length, 1)
  assert.equal(withoutKubeDns!(refused, null), null, 'nothing of a ConfigMap is in it')
  const kubeDns = join(dirname(conf), 'kube-dns')
  mountConfigMap(kubeDns, { stubDomains: '{"a.test": ["192.0.2.1"]}' })
  assert.equal(configuration.source.load().blocks.length, 2)
  assert.equal(withoutKubeDns!(refused, null)?.blocks.length, 1)
  assert.deepEqual(log.lines, [
    '[ERROR] base:5 - refused; trying without stub domains until it is repaired',
  ])
})
