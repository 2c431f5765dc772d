import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { WeightFile } from '../../../src/plugins/loadbalance/weight-file.ts'
import { weightAt, Weights } from '../../../src/plugins/loadbalance/weights.ts'
import type { Stage } from '../../../src/serve/plugin.ts'
import { Type } from '../../../src/wire/codes.ts'
import { LinesLog } from '../../helpers/lines-log.ts'
import { temporaryFolder } from '../../helpers/nsd.ts'
import { wireName } from '../../wire/message.ts'
import { address, ipv6, lasts, mx, pass, seen, stageOf, tally } from './support.ts'

const text = `
# comment
www.example.com
192.0.2.1   3
192.0.2.2 1
\t2001:db8::7 200

empty.test
 # another
 WWW.Example.com
192.0.2.3 2
`

function weighted(t: TestContext): Stage {
  const file = join(temporaryFolder(t), 'weights')
  writeFileSync(file, text)
  return stageOf(`loadbalance weighted ${file}`)
}

describe('loadbalance weighted', () => {
  test('puts an address first as often as it weighs, and moves no other', (t) => {
    const stage = weighted(t)
    const answer = [4, 2, 3, 1].map((last) => address(last))
    const counted = tally(7000, () => lasts(pass(stage, { answer })))
    assert.equal(counted.size, 4)
    // 192.0.2.4 weighs 1 by default.
    for (const [order, weight] of [
      ['4231', 1],
      ['2431', 1],
      ['3241', 2],
      ['1234', 3],
    ] as const) {
      const off = Math.abs((counted.get(order) ?? 0) - 1000 * weight)
      assert.ok(off < 6 * Math.sqrt(1000 * weight), `${order} by ${off}`)
    }
  })

  test('knows IPv6 addresses, and names that the file has not', (t) => {
    const stage = weighted(t)
    const six = { type: Type.AAAA, answer: [ipv6(1), ipv6(7)] }
    assert.ok((tally(400, () => lasts(pass(stage, six))).get('71') ?? 0) > 380)
    const answer = [address(1, 'other.test'), address(2, 'other.test')]
    assert.ok((tally(400, () => lasts(pass(stage, { answer }))).get('21') ?? 0) > 130)
  })

  test('looks at answers to A, AAAA and SRV alone, and at no MX', (t) => {
    const stage = weighted(t)
    const two = [address(1), address(2)]
    assert.deepEqual(
      seen(50, () => lasts(pass(stage, { type: Type.ANY, answer: two }))),
      ['12'],
    )
    const srv = { type: Type.SRV, additional: two }
    assert.deepEqual(
      seen(100, () => lasts(pass(stage, srv))),
      ['12', '21'],
    )
    const servers = { answer: [mx(1, 'a'), mx(2, 'b')] }
    assert.equal(seen(50, () => pass(stage, servers).toString('hex')).length, 1)
  })
})

function weightOf(weights: Weights, name: string, ...octets: number[]): number {
  const b = Buffer.concat([wireName(name), Buffer.from(octets)])
  return weightAt(weights.of(b, 0), b, b.length - octets.length, octets.length)
}

describe('a weight file', () => {
  test('has names, comments, and addresses of the name above them', () => {
    const weights = Weights.parse(text, 'f')
    assert.equal(weightOf(weights, 'www.example.COM', 192, 0, 2, 1), 3)
    assert.equal(weightOf(weights, 'www.example.com', 192, 0, 2, 3), 2)
    assert.equal(weightOf(weights, 'www.example.com', 192, 0, 2, 9), 1)
    assert.equal(weightOf(weights, 'empty.test', 192, 0, 2, 1), 1)
    assert.equal(weightOf(Weights.parse('', 'f'), 'a.test', 192, 0, 2, 1), 1)
  })

  for (const [line, problem] of [
    [
      'a.test\n192.0.2.14',
      'wrong domain name:"192.0.2.14" in weight file f, line 2. (Maybe a missing weight value?)',
    ],
    ['192.0.2.14 10', 'missing domain name in weight file f, line 1'],
    ['a.test\n192.0.2.300 10', 'wrong IP address:"192.0.2.300" in weight file f, line 2'],
    ['a.test\n192.0.2.1 256', 'wrong weight value:"256" in weight file f, line 2'],
    ['a.test\n192.0.2.1 0', 'wrong weight value:"0" in weight file f, line 2'],
    ['a.test\n192.0.2.1 x', 'wrong weight value:"x" in weight file f, line 2'],
    [
      'a.test\n192.0.2.1 1 2',
      'could not parse weight line:"192.0.2.1 1 2" in weight file f, line 2',
    ],
    ['a..test', 'wrong domain name:"a..test" in weight file f, line 1'],
  ] as const) {
    test(`with ${JSON.stringify(line)} is refused`, () => {
      assert.throws(() => Weights.parse(line, 'f'), { message: problem })
    })
  }

  test('is looked at again, and what was good last goes on', (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] })
    const log = new LinesLog()
    let content: string | null = null
    const file = new WeightFile('f', 10_000, log, () => content ?? missing())
    file.open()
    file.follow()
    const later = (next: string | null): number => {
      content = next
      t.mock.timers.tick(10_000)
      return weightOf(file.weights, 'a.test', 192, 0, 2, 1)
    }
    const contents = [7, 7, '', '', 8].map((weight) => `a.test\n192.0.2.1 ${weight}`)
    assert.deepEqual([null, ...contents].map(later), [1, 7, 7, 7, 7, 8])
    file.stop()
    assert.equal(later('a.test\n192.0.2.1 9'), 8)
    const bad =
      'wrong domain name:"192.0.2.1" in weight file f, line 2. (Maybe a missing weight value?)'
    assert.deepEqual(log.lines, [
      '[WARNING] Failed to open weight file: open f: no such file. Will try again in 10s',
      '[INFO] Successfully reloaded weight file f',
      `[ERROR] ${bad}; the last good weights go on`,
      '[INFO] Successfully reloaded weight file f',
    ])
  })

  test('that is looked at once has to be there, and is not looked at again', (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] })
    const gone = new WeightFile('f', 0, new LinesLog(), missing)
    assert.throws(() => gone.open(), { message: 'weight file open error: open f: no such file' })
    let reads = 0
    const once = new WeightFile('f', 0, new LinesLog(), () => `a.test\n192.0.2.1 ${++reads}`)
    once.open()
    once.follow()
    t.mock.timers.tick(1e9)
    assert.equal(reads, 1)
  })

  test('is followed by the stage from start to stop', async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] })
    const path = join(temporaryFolder(t), 'weights')
    writeFileSync(path, text)
    const log = new LinesLog()
    const stage = stageOf(`loadbalance weighted ${path} {\nreload 2s\n}`, log)
    const change = (to: string): void => {
      writeFileSync(path, to)
      t.mock.timers.tick(2000)
    }
    change('a.test')
    await stage.start!()
    change('b.test')
    await stage.stop!(true)
    change('c.test')
    assert.deepEqual(log.lines, [`[INFO] Successfully reloaded weight file ${path}`])
  })
})

function missing(): never {
  throw new Error('open f: no such file')
}
