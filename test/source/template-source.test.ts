import assert from 'node:assert/strict'
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setupErrors } from '../../src/host/setup-errors.ts'
import { knownDirectives } from '../../src/plugins/index.ts'
import { isTemplated, TemplateSource } from '../../src/source/template-source.ts'
import { kubeDnsState, type KubeDnsRefusal } from '../../src/source/template/kube-dns-config.ts'
import { UpstreamService } from '../../src/source/template/upstream-service.ts'
import { LinesLog } from '../helpers/lines-log.ts'
import { temporaryFolder } from '../helpers/nsd.ts'

const base = `cluster.local {
  bind __PILLAR__LOCAL__DNS__
  forward . __PILLAR__CLUSTER__DNS__
}
. {
  bind __PILLAR__LOCAL__DNS__
  forward . __PILLAR__UPSTREAM__SERVERS__
}
`

function refusal(): KubeDnsRefusal | null {
  return kubeDnsState.refused
}

class Bench {
  readonly folder: string
  readonly log = new LinesLog()
  readonly source: TemplateSource
  readonly #errors = setupErrors.configmap
  lookedUp: readonly string[] = []
  readonly upstream: UpstreamService

  constructor(
    t: TestContext,
    env: Readonly<Record<string, string>> = { UP_SERVICE_HOST: '10.96.7.7' },
  ) {
    this.folder = temporaryFolder(t)
    mkdirSync(join(this.folder, 'kube-dns'))
    this.base(base)
    const localIps = ['169.254.20.10']
    const lookup = (): Promise<readonly string[]> => Promise.resolve(this.lookedUp)
    this.upstream = new UpstreamService({ service: 'up', env, localIps, lookup, lookupAt: lookup })
    this.source = new TemplateSource({
      base: join(this.folder, 'base'),
      kubeDns: join(this.folder, 'kube-dns'),
      port: 53,
      localIps,
      prometheus: ':9253',
      conf: join(this.folder, 'etc', 'Corefile'),
      upstream: this.upstream,
      env: {},
      log: this.log,
      directives: knownDirectives,
    })
  }

  base(text: string): void {
    writeFileSync(join(this.folder, 'base'), text)
  }

  stubDomains(text: string): void {
    writeFileSync(join(this.folder, 'kube-dns', 'stubDomains'), text)
  }

  get errors(): number {
    return setupErrors.configmap - this.#errors
  }
}

test('load() gives what the base file stands for, under its name, the same each time', (t) => {
  const { source, folder } = new Bench(t)
  const corefile = source.load()
  assert.equal(corefile.file, join(folder, 'base'))
  assert.match(corefile.text, /forward \. 10\.96\.7\.7\n/)
  assert.match(corefile.text, /forward \. \/etc\/resolv\.conf\n/)
  assert.equal(source.load().hash, corefile.hash)
  assert.deepEqual(source.renderingOf(corefile), {
    stubDomains: 0,
    upstreamServers: [],
    upstreamKnown: true,
  })
  assert.equal(source.renderingOf({ ...corefile }), undefined)
  assert.equal(source.clusterDomain, 'cluster.local')
})

test('comments and the order of stub domains give the same hash', (t) => {
  const bench = new Bench(t)
  bench.stubDomains('{"a.test": ["192.0.2.1"], "b.test": ["192.0.2.2"]}')
  const { hash, blocks } = bench.source.load()
  assert.equal(blocks.length, 4)
  bench.stubDomains('{"b.test": ["192.0.2.2"],\n "a.test": ["192.0.2.1"]}')
  bench.base(base.replace('cluster.local {', 'cluster.local { # ours'))
  assert.equal(bench.source.load().hash, hash)
})

test('an error names the line of the base file, and is counted once until it changes', (t) => {
  const bench = new Bench(t)
  bench.base(base.replace('. {\n  bind', '. {\n  bnid'))
  for (let i = 0; i < 3; i++) {
    assert.throws(
      () => bench.source.load(),
      /\/base:6 - Error during parsing: Unknown directive 'bnid'/,
    )
  }
  assert.equal(bench.errors, 1)
  rmSync(join(bench.folder, 'base'))
  assert.throws(
    () => bench.source.load(),
    /^DnsletError: Failed to read node-cache coreFile .*\/base - open/,
  )
  assert.equal(bench.errors, 2)
  bench.base('# nothing\n')
  assert.throws(() => bench.source.load(), /no server block/)
})

test('relative imports are beside -conf, as in node-cache, or else beside the base file', (t) => {
  const bench = new Bench(t)
  bench.base('. {\n  import custom/*.override\n  import one\n}\nimport two\n')
  mkdirSync(join(bench.folder, 'etc', 'custom'), { recursive: true })
  mkdirSync(join(bench.folder, 'custom'))
  writeFileSync(join(bench.folder, 'etc', 'custom', 'a.override'), 'errors\n')
  writeFileSync(join(bench.folder, 'custom', 'a.override'), 'nonsense\n')
  writeFileSync(join(bench.folder, 'etc', 'one'), 'import custom/b\n')
  writeFileSync(join(bench.folder, 'etc', 'custom', 'b'), 'log\n')
  writeFileSync(join(bench.folder, 'two'), 'a.test {\n  cache\n}\n')
  const names = bench.source.load().blocks.map(({ directives }) => [...directives.keys()])
  assert.deepEqual(names, [['errors', 'log'], ['cache']])
  rmSync(join(bench.folder, 'etc'), { recursive: true })
  bench.base('. {\n  import custom/*.x\n}\n')
  bench.source.load()
  assert.deepEqual(bench.log.lines, ['[WARNING] No files matching import glob pattern: custom/*.x'])
  bench.base('. {\n  import nowhere\n}\n')
  assert.throws(() => bench.source.load(), /base:2 - .*File to import not found: nowhere/)
})

test('without a base file -conf is served as it is, and that is said once', (t) => {
  const bench = new Bench(t)
  rmSync(join(bench.folder, 'base'))
  mkdirSync(join(bench.folder, 'etc'))
  const conf = join(bench.folder, 'etc', 'Corefile')
  writeFileSync(conf, 'cluster.local {\n  forward . 10.96.0.10\n}\n')
  for (let i = 0; i < 2; i++) {
    const corefile = bench.source.load()
    assert.deepEqual([corefile.file, corefile.blocks.length], [conf, 1])
    assert.equal(bench.source.renderingOf(corefile), undefined)
  }
  assert.equal(bench.errors, 1)
  const [line = '', ...more] = bench.log.lines
  assert.match(
    line,
    /^\[ERROR\] Failed to read node-cache coreFile .*base - .*; .*Corefile is served/,
  )
  assert.deepEqual(more, [])
  bench.base(base)
  assert.equal(bench.source.load().file, join(bench.folder, 'base'))
  rmSync(join(bench.folder, 'base'))
  assert.throws(() => bench.source.load(), /Failed to read node-cache coreFile/)
})

test('a base file that is /dev/null is none, and no template of nothing', (t) => {
  const bench = new Bench(t)
  rmSync(join(bench.folder, 'base'))
  symlinkSync('/dev/null', join(bench.folder, 'base'))
  mkdirSync(join(bench.folder, 'etc'))
  const conf = join(bench.folder, 'etc', 'Corefile')
  writeFileSync(conf, 'cluster.local {\n  forward . 10.96.0.10\n}\n')
  assert.equal(bench.source.load().file, conf)
})

test('an invalid ConfigMap leaves the last valid one in force, before there was one it throws', (t) => {
  const bench = new Bench(t)
  bench.stubDomains('{')
  assert.throws(() => bench.source.load(), /Invalid config/)
  bench.stubDomains('{"a.test": ["192.0.2.1"]}')
  const { hash } = bench.source.load()
  bench.stubDomains('[]')
  for (let i = 0; i < 3; i++) assert.equal(bench.source.load().hash, hash)
  assert.equal(bench.errors, 2)
  const [line = '', ...more] = bench.log.lines
  assert.match(line, /^\[ERROR\] Invalid config: .*; what was valid before stays in force$/)
  assert.deepEqual(more, [])
})

test('loadWithoutKubeDns() stands in for a ConfigMap that was never valid', (t) => {
  const bench = new Bench(t)
  bench.stubDomains('{')
  assert.throws(() => bench.source.load(), /Invalid config: /)
  assert.equal(bench.source.loadWithoutKubeDns('no').blocks.length, 2)
  assert.equal(refusal()?.reason, 'no')
  assert.equal(bench.source.load().blocks.length, 2)
  assert.match(refusal()?.reason ?? '', /^Invalid config: .*\/kube-dns\/stubDomains: /)
  assert.equal(refusal()?.isEarlierServed, false)
  bench.stubDomains('{"a.test": ["192.0.2.1"]}')
  assert.equal(bench.source.load().blocks.length, 3)
  assert.equal(refusal(), null)
})

test('what is wrong with a ConfigMap, and since when, is known until it is repaired', (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 1_000 })
  const bench = new Bench(t)
  bench.stubDomains('{"a.test": ["192.0.2.1"]}')
  bench.source.load()
  assert.equal(refusal(), null)
  bench.stubDomains('{"a.test": ["one"]}')
  bench.source.load()
  const refused = refusal()
  assert.match(refused?.reason ?? '', /stubDomains: invalid nameserver: "one"/)
  t.mock.timers.tick(500)
  bench.source.load()
  assert.deepEqual(refusal(), { ...refused, at: 1_000, isEarlierServed: true })
  bench.stubDomains('{"a.test": []}')
  bench.source.load()
  assert.equal(refusal()?.at, 1_500, 'another mistake')
  rmSync(join(bench.folder, 'kube-dns', 'stubDomains'))
  bench.source.load()
  assert.equal(refusal(), null)
})

test('warnings are said once while they hold', (t) => {
  const bench = new Bench(t)
  bench.base(`${base}__PILLAR__DNS__DOMAIN__ {\n  cache\n}\n`)
  bench.stubDomains('{"cluster.local": ["192.0.2.1"]}')
  for (let i = 0; i < 3; i++) bench.source.load()
  assert.equal(bench.log.lines.filter((line) => line.includes('left out')).length, 1)
  assert.equal(bench.log.lines.filter((line) => line.includes('still has __PILLAR__')).length, 1)
  bench.stubDomains('{}')
  bench.source.load()
  bench.stubDomains('{"cluster.local": ["192.0.2.1"]}')
  bench.source.load()
  assert.equal(bench.log.lines.filter((line) => line.includes('left out')).length, 2)
})

test('the upstream is known where it is found, or not needed', async (t) => {
  const bench = new Bench(t, {})
  const corefile = bench.source.load()
  assert.equal(bench.source.upstreamKnown, false)
  assert.equal(bench.source.renderingOf(corefile)?.upstreamKnown, false)
  bench.lookedUp = ['10.96.8.8']
  await bench.upstream.find('cluster.local')
  assert.equal(bench.source.upstreamKnown, true)
  assert.match(bench.source.load().text, /forward \. 10\.96\.8\.8\n/)
  const other = new Bench(t, {})
  other.base(base.replace('__PILLAR__CLUSTER__DNS__', '10.96.0.10'))
  other.source.load()
  assert.equal(other.source.upstreamKnown, true)
  assert.equal(other.source.clusterDomain, null)
})

test('a template is used where it was named or exists', (t) => {
  const { folder } = new Bench(t)
  assert.equal(isTemplated(join(folder, 'base'), false), true)
  assert.equal(isTemplated(join(folder, 'absent'), false), false)
  assert.equal(isTemplated(join(folder, 'absent'), true), true)
})
