// What people and programs get to read, the runner, and the command line.
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import type { Examination } from '../../../src/commands/doctor/examination.ts'
import { examinations } from '../../../src/commands/doctor/examinations.ts'
import { broken, ok, warning } from '../../../src/commands/doctor/finding.ts'
import { jsonReport } from '../../../src/commands/doctor/json-report.ts'
import { findPlace } from '../../../src/commands/doctor/place.ts'
import { goesOn, rateOf } from '../../../src/commands/doctor/rates.ts'
import { examine, exitStatus } from '../../../src/commands/doctor/run.ts'
import { textReport } from '../../../src/commands/doctor/text-report.ts'
import { parseArgs } from '../../../src/options/options.ts'
import { temporaryFolder } from '../../helpers/nsd.ts'
import { healthyFacts, LOCAL, VIP } from './healthy-facts.ts'

const facts = healthyFacts()

function examination(...said: ReturnType<Examination['examine']>): Examination {
  return { area: 'Upstream', where: 'both', ids: ['x'], examine: () => said }
}

const hostile = broken('x', 'process \x1b[2J\nis odd', {
  seen: ['word '.repeat(40).trim(), '\u202e'],
  meaning: 'It means\ta lot.',
  remedy: ['kill 1', 'kill 2'],
})

describe('the runner', () => {
  test('has the worst first, in the order of the examinations', () => {
    const all = [
      examination(ok('a', 'a'), warning('b', 'b', {})),
      examination(broken('c', 'c', {}), warning('d', 'd', {})),
    ]
    const findings = examine(all, facts)
    assert.deepEqual(
      findings.map(({ id }) => id),
      ['c', 'b', 'd', 'a'],
    )
    assert.equal(findings[0]?.page, 'docs/doctor.md#c')
    assert.equal(exitStatus(findings), 2)
    assert.equal(exitStatus(findings.slice(1)), 1)
    assert.equal(exitStatus(findings.slice(3)), 0)
  })

  test('goes on where an examination throws, and leaves out what is for other places', () => {
    const throws: Examination = {
      ...examination(),
      examine() {
        throw new TypeError('of undefined')
      },
    }
    const elsewhere: Examination = { ...examination(ok('y', 'y')), where: 'pod' }
    const findings = examine([throws, elsewhere, examination(ok('z', 'z'))], facts)
    assert.deepEqual(
      findings.map(({ id, severity }) => [id, severity]),
      [
        ['x', 'unknown'],
        ['z', 'ok'],
      ],
    )
    assert.deepEqual(findings[0]?.seen, ['of undefined'])
  })
})

describe('textReport()', () => {
  const options = { width: 80, colours: false }

  test('says what is wrong in full and what is well in a line; all of it printable and in width', () => {
    const text = textReport(
      examine([examination(hostile, ok('y', 'fine', 'seen'))], facts),
      facts,
      options,
    )
    const lines = text.split('\n')
    assert.equal(lines[0], 'dnslet doctor: 1 broken, 1 well')
    assert.ok(lines.includes('BROKEN   Upstream: process \\x1b[2J\\nis odd'), text)
    assert.ok(
      lines.includes('         do     kill 1') && lines.includes('                kill 2'),
      text,
    )
    assert.ok(lines.includes('         more   docs/doctor.md#x'))
    assert.ok(lines.includes('  Upstream      fine (seen)'))
    assert.equal(lines.at(-1), '1 broken, 1 well')
    assert.ok(lines.every((line) => line.length <= 80))
    // oxlint-disable-next-line no-control-regex
    assert.doesNotMatch(text.replaceAll('\n', ''), /[\x00-\x1f\u202e]/)
  })

  test('has colours where they are wanted', () => {
    const text = textReport(examine([examination(hostile)], facts), facts, {
      ...options,
      colours: true,
    })
    assert.ok(text.includes('\x1b[31mBROKEN'), JSON.stringify(text))
  })

  test('of a healthy node fits on a screen', () => {
    const text = textReport(examine(examinations, facts), facts, { width: 100, colours: false })
    assert.ok(text.split('\n').length <= 24, text)
    assert.match(
      text,
      /^dnslet doctor: \d+ well\nLooked on a node \(links of pods\); 169\.254\.20\.10, 10\.96\.0\.10/,
    )
  })

  test('says where nothing is known, and that nothing was sent', () => {
    const changed = healthyFacts({
      place: { kind: 'pod', signs: ['x'] },
      addresses: [],
      isQuick: true,
    })
    assert.match(
      textReport([], changed, options),
      /Looked in a pod \(x\); no addresses known; nothing was sent/,
    )
  })
})

test('jsonReport() has counts, exit status and all findings', () => {
  const findings = examine([examination(hostile, ok('y', 'fine'))], facts)
  const report = JSON.parse(jsonReport(findings, facts, new Date(0))) as Record<string, unknown>
  assert.equal(report['at'], '1970-01-01T00:00:00.000Z')
  assert.equal(report['exitStatus'], 2)
  assert.deepEqual(report['counts'], { broken: 1, warning: 0, unknown: 0, ok: 1 })
  assert.deepEqual(report['addresses'], [LOCAL, VIP])
  assert.deepEqual(report['findings'], findings)
  const quick = JSON.parse(jsonReport([], healthyFacts({ isQuick: true }), new Date(0))) as {
    asked: unknown
  }
  assert.equal(quick.asked, null)
})

describe('rateOf()', () => {
  test('tells what goes on from what was once', () => {
    const watched = { watchedSeconds: 2.04 }
    assert.equal(goesOn(rateOf(watched, 1_000_000, 1_000_000)), false)
    assert.equal(goesOn(rateOf(watched, 100, 101)), true)
    const { text } = rateOf(watched, 1_200, 1_234)
    assert.equal(text, '1,234 since boot, 34 in the 2.0 s that we looked')
    // A counter that was reset has not gone back in time.
    assert.equal(rateOf(watched, 10, 0).now, 0)
  })
})

describe('findPlace()', () => {
  const nothing = { env: {}, links: [], dataPlanes: [], dnslets: 0, seesKubelet: false, search: [] }
  const link = (name: string, kind = 'veth') => ({ name, kind, up: true, mtu: null })

  test('tells a node from a pod', (t) => {
    const root = temporaryFolder(t)
    const kindOf = (signs: object): string => findPlace({ ...nothing, root, ...signs }).kind
    const env = { KUBERNETES_SERVICE_HOST: '10.96.0.1' }
    assert.equal(kindOf({}), 'node')
    assert.equal(kindOf({ env }), 'pod')
    assert.equal(kindOf({ env, dnslets: 1 }), 'node')
    assert.equal(kindOf({ env, seesKubelet: true }), 'node')
    assert.equal(kindOf({ links: [link('lo', ''), link('eth0')] }), 'pod')
    assert.equal(kindOf({ links: [link('eth0'), link('veth1234')] }), 'node')
    assert.deepEqual(
      findPlace({ ...nothing, root, env, links: [link('nodelocaldns', 'tun'), link('cni0')] }),
      {
        kind: 'node',
        signs: ['links of pods (cni0)', 'link nodelocaldns', 'KUBERNETES_SERVICE_HOST'],
      },
    )
    assert.equal(kindOf({ search: ['svc.cluster.local'] }), 'pod')
    mkdirSync(join(root, 'var/run/secrets/kubernetes.io'), { recursive: true })
    writeFileSync(join(root, 'var/run/secrets/kubernetes.io/serviceaccount'), '')
    assert.equal(kindOf({}), 'pod')
    assert.deepEqual(findPlace({ ...nothing, root: '/nonexistent' }).signs, [
      'no sign of Kubernetes',
    ])
  })
})

describe('the command line', () => {
  const of = (...words: string[]) => parseArgs(['doctor', ...words])

  test('is read', () => {
    const command = of(
      '--json',
      '--quick',
      '--localip',
      ' 10.96.0.10 ,FD00::000A',
      '--upstream=10.0.0.1',
      '--name',
      'Example.COM',
    )
    assert.ok(command.kind === 'doctor')
    assert.deepEqual(command.options, {
      json: true,
      quick: true,
      socket: '',
      addresses: ['10.96.0.10', 'fd00::a'],
      upstream: { host: '10.0.0.1', port: 53 },
      name: 'example.com.',
    })
    const upstreams = ['10.0.0.1:5353', 'fd00::b', '[fd00::b]', '[fd00::b]:5353'].map((text) => {
      const read = of('-upstream', text)
      return read.kind === 'doctor' ? read.options.upstream : null
    })
    assert.deepEqual(upstreams, [
      { host: '10.0.0.1', port: 5353 },
      { host: 'fd00::b', port: 53 },
      { host: 'fd00::b', port: 53 },
      { host: 'fd00::b', port: 5353 },
    ])
  })

  test('is refused in a line, with status 2', () => {
    for (const words of [
      ['--localip', '10.0.0'],
      ['--localip', 'fe80::1%eth0'],
      ['--upstream', 'kube-dns'],
      ['--upstream', '10.0.0.1:0'],
      ['--upstream', '[kube-dns]:53'],
      ['--name', 'a..b'],
      ['--nonsense'],
      ['word'],
    ]) {
      const command = of(...words)
      assert.ok(command.kind === 'usage-error' && command.exitCode === 2, words.join(' '))
      assert.match(command.message, /^dnslet doctor: .*\nRun "dnslet doctor -h" for its flags\.$/)
    }
  })

  test('-h prints its flags', () => {
    const command = of('-h')
    assert.ok(command.kind === 'help')
    assert.match(command.text, /--localip/)
  })
})
