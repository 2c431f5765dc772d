import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import { ByteBudget } from '../../../src/lib/byte-budget.ts'
import { CacheTransferError, exportCaches } from '../../../src/plugins/cache/export.ts'
import { CacheImport } from '../../../src/plugins/cache/import.ts'
import type { CacheStores } from '../../../src/plugins/cache/stores.ts'
import { Ede } from '../../../src/wire/codes.ts'
import { ManualClock } from '../../helpers/manual-clock.ts'
import { a, opt, option, soa } from '../../wire/message.ts'
import { Bench } from './harness.ts'

const NXDOMAIN = 0x8183
const directive = 'cache {\nsuccess 2000 3600\ndenial 2000 1800\n}'

/** The wall clock when the old process began to export, and the new one to import. */
const EXPORTED = 1_700_000_000_000
const IMPORTED = EXPORTED + 400

interface Process {
  readonly bench: Bench
  readonly caches: Map<string, CacheStores>
  readonly budget: ByteBudget
}

/** A process with a cache. Its monotonic clock has nothing to do with anybody else's. */
function startProcess(started: number, text = directive): Process {
  const kept = new Map<string, unknown>()
  const budget = new ByteBudget(64 << 20)
  const bench = new Bench(text, '.', { kept, budget, clock: new ManualClock(started) })
  return { bench, budget, caches: kept as Map<string, CacheStores> }
}

function exported({ bench, caches }: Process): Buffer[] {
  const pieces: Buffer[] = []
  for (const piece of exportCaches(caches, bench.clock, () => EXPORTED)) {
    pieces.push(Buffer.from(piece))
  }
  return pieces
}

function imported(pieces: readonly Buffer[], { bench, caches }: Process): CacheImport {
  const into = new CacheImport(caches, bench.clock, () => IMPORTED)
  for (const piece of pieces) into.push(piece)
  into.end()
  return into
}

function fillNames({ bench }: Process, count: number): void {
  for (let i = 0; i < count; i++) fillName(bench, i)
}

function fillName(bench: Bench, i: number): void {
  const name = `n${i}.example.com`
  if (i % 2 === 0) bench.fill(name, { answer: [a(name, 300), a(name, 100)] })
  else bench.fill(name, { flags: NXDOMAIN, authority: [soa('example.com', 60, 60)] })
}

test('answers are hits in the new process, their TTLs lowered by all the time that went by', () => {
  const old = startProcess(9_000_000_000)
  old.bench.fill('Yes.Example.com', { answer: [a('yes.example.com', 300), a('x.test', 100)] })
  old.bench.fill('no.example.com', {
    flags: NXDOMAIN,
    authority: [soa('example.com', 60, 60)],
  })
  old.bench.clock.advance(10_000)
  const young = startProcess(50)
  assert.equal(imported(exported(old), young).entries, 2)
  young.bench.clock.advance(600)
  const yes = young.bench.ask('yes.example.com')!
  assert.deepEqual(
    yes.ttls,
    [289, 89],
    'stored 11 s ago: 10 s, and 400 ms of hand-over, and 600 ms',
  )
  const no = young.bench.ask('no.example.com')!
  assert.deepEqual([no.rcode, no.ttls], [3, [49]])
  young.bench.clock.advance(88_999)
  assert.notEqual(young.bench.ask('yes.example.com'), null)
  young.bench.clock.advance(1)
  assert.equal(young.bench.ask('yes.example.com'), null, 'expires when it would have')
})

test('a wall clock that is set back during the hand-over makes no TTL longer than it came', () => {
  const old = startProcess(7)
  fillNames(old, 2)
  const young = startProcess(9)
  const into = new CacheImport(young.caches, young.bench.clock, () => EXPORTED - 50_000)
  for (const piece of exported(old)) into.push(piece)
  into.end()
  assert.deepEqual(young.bench.ask('n0.example.com')!.ttls, [300, 100])
  young.bench.clock.advance(100_000)
  assert.equal(young.bench.ask('n0.example.com'), null)
})

test('answers of a machine that stood still are as much older', () => {
  const { bench, caches } = startProcess(7)
  for (let i = 0; i < 4; i++) fillName(bench, i)
  assert.deepEqual(bench.ask('n2.example.com')!.ttls, [300, 100])
  for (const stores of caches.values()) stores.age(40_000)
  assert.deepEqual(bench.ask('n0.example.com')!.ttls, [260, 60], 'asked for once')
  assert.deepEqual(bench.ask('n2.example.com')!.ttls, [260, 60], 'asked for again')
  assert.deepEqual(bench.ask('n1.example.com')!.ttls, [20])
  for (const stores of caches.values()) stores.age(60_000)
  assert.equal(bench.ask('n0.example.com'), null)
})

test('the variants of a question and extended errors travel too; an expired answer stays one', () => {
  const old = startProcess(7)
  const name = 'www.example.com'
  old.bench.fill(name, { answer: [a(name, 5)] })
  old.bench.fill(name, { answer: [a(name, 50), a(name, 50)] }, { dnssecOk: true })
  old.bench.clock.advance(6_000)
  const young = startProcess(1e9)
  imported(exported(old), young)
  assert.equal(young.bench.ask(name, { dnssecOk: true })!.ttls.length, 2)
  assert.equal(young.bench.ask(name, { edns: true }), null)
  young.bench.upstream.fail()
  assert.equal(young.bench.last.ede, Ede.StaleAnswer)
})

test('the most recently used entries come last, so that a smaller cache keeps them', () => {
  const old = startProcess(7, 'cache {\nsuccess 3000 3600\n}')
  for (let i = 0; i < 2500; i++) {
    old.bench.fill(`n${i}.test`, { answer: [a(`n${i}.test`, 300)] })
  }
  old.bench.ask('n0.test')
  const young = startProcess(9, 'cache {\nsuccess 1024 3600\n}')
  const [stores] = young.caches.values()
  const renamed = new Map([...old.caches.keys()].map((key) => [key, stores!]))
  imported(exported(old), { ...young, caches: renamed })
  for (const i of [0, 2499, 1477]) assert.notEqual(young.bench.ask(`n${i}.test`), null, `n${i}`)
  // Not the next one: two that have one hash are one entry, in one of ten thousand runs.
  assert.equal(young.bench.ask('n1470.test'), null)
})

test('a block that answers otherwise gets nothing', () => {
  const old = startProcess(7)
  fillNames(old, 10)
  const young = startProcess(7, 'cache 30')
  assert.equal(imported(exported(old), young).entries, 0)
  assert.equal(young.budget.used, 0)
})

test('entries may go while they are exported', () => {
  const old = startProcess(7)
  fillNames(old, 2000)
  const pieces: Buffer[] = []
  for (const piece of exportCaches(old.caches, old.bench.clock, () => EXPORTED)) {
    pieces.push(Buffer.from(piece))
    for (const stores of old.caches.values()) stores.clear()
  }
  const young = startProcess(7)
  const { entries } = imported(pieces, young)
  assert.ok(entries > 100 && entries < 2000, String(entries))
})

test('property: the stream may be cut anywhere', () => {
  const old = startProcess(7)
  fillNames(old, 40)
  const whole = Buffer.concat(exported(old))
  const cut = fc.integer({ min: 1, max: 700 })
  fc.assert(
    fc.property(fc.array(cut, { minLength: 1 }), (sizes) => {
      const young = startProcess(7)
      const pieces: Buffer[] = []
      for (let at = 0, i = 0; at < whole.length; i++) {
        const end = at + sizes[i % sizes.length]!
        pieces.push(whole.subarray(at, end))
        at = end
      }
      assert.equal(imported(pieces, young).entries, 40)
    }),
    { numRuns: 30 },
  )
})

test('property: a stream that was tampered with is refused or harmless, and discarded whole', () => {
  const old = startProcess(7)
  fillNames(old, 20)
  const whole = Buffer.concat(exported(old))
  const change = fc.record({
    at: fc.nat(whole.length - 1),
    octet: fc.nat(255),
    drop: fc.nat(40),
  })
  let refused = 0
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 5 }), (changes) => {
      let bytes = Buffer.from(whole)
      for (const { at, octet, drop } of changes) {
        const where = at % bytes.length
        bytes[where] = octet
        if (drop > 30)
          bytes = Buffer.concat([bytes.subarray(0, where), bytes.subarray(where + drop)])
      }
      const young = startProcess(7)
      const into = new CacheImport(young.caches, young.bench.clock, () => IMPORTED)
      try {
        into.push(bytes)
        into.end()
        // What passed is sound: it can be asked for and expires.
        for (let i = 0; i < 20; i++) young.bench.ask(`n${i}.example.com`)
      } catch (error) {
        assert.ok(error instanceof CacheTransferError, String(error))
        refused++
        into.discard()
        assert.equal(young.budget.used, 0)
      }
    }),
    { numRuns: 500 },
  )
  assert.ok(refused > 50, String(refused))
})

test('extended errors travel with their texts; what is none is refused', () => {
  const old = startProcess(7)
  const name = 'www.example.com'
  const options = option(15, Buffer.from('\0\x06signature is bad'))
  old.bench.fill(name, { flags: 0x8182, additional: [opt({ options })] }, { edns: true })
  const young = startProcess(7)
  const whole = Buffer.concat(exported(old))
  assert.equal(imported([whole], young).entries, 1)
  assert.ok(young.bench.ask(name, { edns: true })!.wire.includes(options))
  const broken = Buffer.from(whole)
  broken.writeUInt16BE(options.length, broken.indexOf(options) + 2)
  assert.throws(() => imported([broken], startProcess(7)), /extended errors/)
})

test('a stream without its end, of another format, or that goes on is refused', () => {
  const old = startProcess(7)
  fillNames(old, 4)
  const whole = Buffer.concat(exported(old))
  const refuses = (bytes: Buffer, reason: RegExp): void => {
    const young = startProcess(7)
    assert.throws(() => imported([bytes], young), reason)
  }
  refuses(whole.subarray(0, -1), /cut off/)
  refuses(Buffer.alloc(0), /cut off/)
  refuses(Buffer.concat([whole, Buffer.from([4])]), /goes on/)
  const newer = Buffer.from(whole)
  newer[7] = 3
  refuses(newer, /format/)
})
