import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Corefile, readCorefile } from '../../src/source/corefile-source.ts'
import { isLastGoodInUse, LastGood } from '../../src/source/last-good.ts'
import { LinesLog } from '../helpers/lines-log.ts'
import { temporaryFolder } from '../helpers/nsd.ts'

const text = '. {\n  cache 30 {\n    success 100\n  }\n  log . "a b"\n  log\n}\n'

function corefile(of = text): Corefile {
  const parts = { directives: ['cache', 'log'], env: {}, warn: (): void => {} }
  return readCorefile({ file: '/etc/Corefile', text: of }, parts)
}

function opened(directory: string, conf = '/etc/Corefile', base: string | null = null) {
  const log = new LinesLog()
  return { log, lastGood: new LastGood({ directory, conf, base, log }) }
}

test('what was kept comes back whole, said loudly, until the present Corefile serves', (t) => {
  const directory = temporaryFolder(t)
  opened(directory).lastGood.keep(corefile())
  assert.equal(statSync(join(directory, 'last-good.json')).mode & 0o777, 0o600)
  const { log, lastGood } = opened(directory)
  lastGood.complain()
  assert.deepEqual(log.lines, [])
  const back = lastGood.instead(new Error('Corefile:1 - no'), null)
  assert.ok(back !== null)
  assert.deepEqual(back.blocks, corefile().blocks)
  assert.equal(back.text, text)
  assert.notEqual(back.hash, corefile().hash, 'the same Corefile, repaired, is news')
  assert.equal(isLastGoodInUse(), true)
  lastGood.complain()
  assert.equal(log.lines.length, 2)
  const complaint =
    /^\[ERROR\] Cannot use the present Corefile: Corefile:1 - no; the last good one, of 20\d\d-.*Z, is served instead/
  for (const line of log.lines) assert.match(line, complaint)

  assert.equal(lastGood.served(back), true)
  assert.equal(lastGood.inUse, true)
  assert.equal(lastGood.served(corefile()), false)
  assert.equal(lastGood.inUse, false)
  assert.equal(isLastGoodInUse(), false)
  lastGood.complain()
  assert.equal(log.lines.length, 3)
})

test('there is none for another Corefile, nor the same one that has just failed', (t) => {
  const directory = temporaryFolder(t)
  opened(directory).lastGood.keep(corefile())
  const none = (conf?: string, base?: string, failed: string | null = null): void =>
    assert.equal(opened(directory, conf, base).lastGood.instead(new Error('x'), failed), null)
  none('/etc/other')
  none('/etc/Corefile', '/etc/Corefile.base')
  none('/etc/Corefile', undefined, corefile().hash)
  assert.ok(opened(directory, '/etc/../etc/Corefile').lastGood.instead('x', 'y') !== null)
})

test('a record that cannot be read is none, with a warning', (t) => {
  const directory = temporaryFolder(t)
  for (const [content, warnings] of [
    ['{', 1],
    ['{"format":0}', 0],
    ['{"format":1,"conf":"/etc/Corefile","base":null,"blocks":[{"directives":[1]}]}', 1],
    ['{"format":1,"conf":"/etc/Corefile","base":null,"blocks":{}}', 1],
  ] as const) {
    writeFileSync(join(directory, 'last-good.json'), content)
    const { log, lastGood } = opened(directory)
    assert.equal(lastGood.instead('x', null), null)
    assert.equal(log.lines.length, warnings)
  }
  assert.equal(opened(temporaryFolder(t)).lastGood.instead('x', null), null)
})

test('the same is written once', (t) => {
  const directory = temporaryFolder(t)
  const path = join(directory, 'last-good.json')
  const { lastGood } = opened(directory)
  lastGood.keep(corefile())
  const first = readFileSync(path, 'utf8')
  lastGood.keep(corefile())
  assert.equal(readFileSync(path, 'utf8'), first)
  lastGood.keep(corefile('. {\n  cache\n}\n'))
  assert.notEqual(readFileSync(path, 'utf8'), first)
})

test('a disk that takes nothing is warned of once, and gets it when it takes something again', (t) => {
  const directory = join(temporaryFolder(t), 'absent')
  const { log, lastGood } = opened(directory)
  lastGood.keepAgain()
  lastGood.keep(corefile())
  for (let i = 0; i < 2; i++) lastGood.keepAgain()
  assert.equal(log.lines.length, 1)
  assert.match(log.lines[0]!, /^\[WARNING\] Cannot keep the last good Corefile in .*ENOENT/)
  mkdirSync(directory)
  lastGood.keepAgain()
  assert.equal(opened(directory).lastGood.instead('x', null)?.text, text)
  rmSync(join(directory, 'last-good.json'))
  lastGood.keepAgain()
  assert.equal(opened(directory).lastGood.instead('x', null), null, 'written once')
})
