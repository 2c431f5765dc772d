import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ByteBudget } from '../../../src/lib/byte-budget.ts'
import { Slab } from '../../../src/plugins/cache/slab.ts'
import { MIN_ENTRY_BYTES, Store } from '../../../src/plugins/cache/store.ts'
import { readTtl } from '../../../src/wire/records.ts'
import { a, message, questionOf, recordsOf } from '../../wire/message.ts'
import { keyOf, write } from './keys.ts'

const CAPACITY = 5

function open(capacity = CAPACITY, limit = 1 << 20) {
  const budget = new ByteBudget(limit)
  const counts = { evicted: 0 }
  const store = new Store(capacity, false, new Slab(), budget, () => counts.evicted++)
  return { budget, counts, store }
}

/** The numbers of what is stored, the oldest use first. */
function order(store: Store): number[] {
  const out = Buffer.alloc(512)
  return store.recent(2000).map((entry) => {
    const length = entry.readMessage(out)
    return Number(/x(\d+)/.exec(out.toString('latin1', 12, length))![1])
  })
}

/** As a hit does: a find that is counted. */
function ask(store: Store, i: number): void {
  store.find(keyOf(i, i))!.countHit()
}

test('property: a store keeps the order of use, newcomers go first, and two questions of one hash displace each other', () => {
  const acts = fc.constantFrom('write', 'write', 'find', 'delete')
  const step = fc.record({ act: acts, pick: fc.nat(11) })
  const hash = (pick: number): number => pick % 8
  fc.assert(
    // In so few steps nothing ages.
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const { budget, counts, store } = open()
      let model: number[] = []
      /** Written once and never found, in the order they came. */
      let newcomers: number[] = []
      let evicted = 0
      for (const { act, pick } of steps) {
        const key = keyOf(pick, hash(pick))
        const had = model.includes(pick)
        if (act === 'find') {
          assert.equal(store.find(key) !== null, had)
          // Who asks for a question keeps another one of its hash alive that has been asked for again.
          const used = model.find((one) => hash(one) === hash(pick))
          if (used !== undefined && (had || !newcomers.includes(used))) {
            model = [...model.filter((one) => one !== used), used]
          }
          newcomers = newcomers.filter((one) => one !== pick)
        } else if (act === 'delete') {
          store.delete(key)
          model = model.filter((one) => one !== pick)
        } else {
          assert.ok(write(store, key))
          const kept = model.filter((one) => hash(one) !== hash(pick))
          if (!had) evicted += model.length - kept.length
          model = [...kept, pick]
          if (had) newcomers = newcomers.filter((one) => one !== pick)
          if (kept.length === CAPACITY) {
            const popular = kept.find((one) => !newcomers.includes(one))
            const gone = newcomers.length > CAPACITY / 5 ? newcomers[0] : popular
            model = model.filter((one) => one !== gone)
            evicted++
          }
          if (!had) newcomers.push(pick)
        }
        newcomers = newcomers.filter((one) => model.includes(one))
        assert.deepEqual(order(store), model)
        assert.equal(budget.used, model.length * (MIN_ENTRY_BYTES + 16))
        assert.equal(counts.evicted, evicted)
      }
      store.clear()
      assert.equal(budget.used, 0)
    }),
  )
})

test('entries make room in the order of their use where the bytes do not suffice', () => {
  const { counts, store } = open(1000, 10 * (MIN_ENTRY_BYTES + 16))
  for (let i = 0; i < 10; i++) assert.ok(write(store, keyOf(i, i)))
  ask(store, 0)
  assert.ok(write(store, keyOf(10, 10)))
  assert.deepEqual(order(store), [2, 3, 4, 5, 6, 7, 8, 9, 0, 10])
  const answer = Array.from({ length: 200 }, () => a('x.test'))
  assert.equal(write(store, keyOf(0, 0), { answer }), false)
  assert.equal(store.find(keyOf(0, 0)), null, 'what it was to replace is not true any more')
  assert.equal(store.fill.entries, 9, 'nor does it drive out others')
  assert.equal(counts.evicted, 1)
})

test('what is asked for once does not displace what is asked for again', () => {
  const { budget, counts, store } = open(100)
  for (let i = 0; i < 60; i++) {
    write(store, keyOf(i, i))
    ask(store, i)
  }
  for (let i = 100; i < 5100; i++) {
    assert.ok(write(store, keyOf(i, i)))
    // Seldom: 40 newcomers have been replaced ten times since.
    if (i % 400 === 0) for (let popular = 0; popular < 60; popular++) ask(store, popular)
  }
  assert.equal(store.fill.entries, 100)
  assert.equal(counts.evicted, 5000 - 40)
  assert.equal(store.spare, 40 * (MIN_ENTRY_BYTES + 16))
  // What is fetched again has been asked for again, and stays as well.
  write(store, keyOf(5099, 5099))
  for (let i = 6000; i < 6100; i++) write(store, keyOf(i, i))
  assert.notEqual(store.find(keyOf(5099, 5099)), null)
  store.clear()
  assert.deepEqual([store.spare, store.bytes, budget.used], [0, 0, 0])
})

test('what is asked for no more makes room for what is asked for in turn', () => {
  const { store } = open(100)
  for (let i = 0; i < 100; i++) {
    write(store, keyOf(i, i))
    ask(store, i)
  }
  let hits = 0
  for (let i = 0; i < 1800; i++) {
    const name = 100 + (i % 100)
    if (store.find(keyOf(name, name)) === null) write(store, keyOf(name, name))
    else if (i >= 1700) hits++
  }
  assert.equal(hits, 100, 'in the eighteenth round')
})

test('where nearly all is asked for again, what was used least recently goes', () => {
  const { store } = open(100)
  for (let i = 0; i < 300; i++) {
    write(store, keyOf(i, i))
    ask(store, i)
  }
  write(store, keyOf(300, 300))
  // Not all at once: some are looked at with each that comes.
  const kept = order(store)
  assert.equal(kept.length, 100)
  assert.ok(kept.includes(300) && kept.includes(299) && !kept.includes(0))
})

test('what comes and is deleted again and again takes no more room than it needs', () => {
  const { store } = open(100)
  write(store, keyOf(1, 1))
  for (let i = 0; i < 1000; i++) {
    write(store, keyOf(2, 2))
    store.delete(keyOf(2, 2))
  }
  for (let i = 3; i < 102; i++) write(store, keyOf(i, i))
  assert.deepEqual(order(store).slice(0, 2), [1, 3])
  write(store, keyOf(102, 102))
  assert.deepEqual(order(store).slice(0, 2), [3, 4])
})

test('of two stores the one that is flooded makes room for itself, and for the other', () => {
  const budget = new ByteBudget(100 * (MIN_ENTRY_BYTES + 16))
  const [few, many] = [1, 2].map(() => new Store(1000, false, new Slab(), budget))
  for (let i = 0; i < 30; i++) write(few!, keyOf(i, i))
  for (let i = 0; i < 3000; i++) write(many!, keyOf(i % 1000, i % 1000))
  for (let i = 0; i < 30; i++) write(few!, keyOf(i, i))
  assert.equal(few!.fill.entries, 30)
  // Room for what is fetched anew is made before the old one goes.
  assert.equal(many!.fill.entries, 69)
  few!.clear()
  assert.ok(write(many!, keyOf(5, 5)))
})

test('a lower limit is reached in slices, what is used stays, and a higher one gives room again', () => {
  const { budget, store } = open(1000)
  for (let i = 0; i < 1000; i++) write(store, keyOf(i, i))
  for (let i = 0; i < 100; i++) ask(store, i)
  const each = MIN_ENTRY_BYTES + 16
  budget.limit = 400 * each
  assert.equal(store.fill.capacity, Math.floor(budget.limit / MIN_ENTRY_BYTES))
  assert.ok(write(store, keyOf(2000, 2000)))
  assert.ok(budget.used <= 1000 * each, 'until then nothing more is held')
  let slices = 1
  while (budget.trim(64)) slices++
  assert.equal(slices, Math.ceil(599 / 64))
  assert.equal(store.fill.entries, 400)
  for (let i = 64; i < 100; i++) assert.notEqual(store.find(keyOf(i, i)), null)
  assert.equal(budget.trim(64), false)
  budget.limit = 2000 * each
  for (let i = 0; i < 1000; i++) write(store, keyOf(i, i))
  assert.equal(store.fill.entries, 1000)
})

test('an entry that makes room is gone for who holds it', () => {
  const { store } = open(2)
  for (let i = 0; i < 2; i++) write(store, keyOf(i, i))
  const [first, second] = store.recent(2)
  write(store, keyOf(2, 2))
  assert.deepEqual([first!.isGone, second!.isGone], [true, false])
  write(store, keyOf(1, 1))
  assert.equal(second!.isGone, true, 'and so is one in whose place another comes')
})

test('a store grows far beyond its first entries', () => {
  const { store } = open(20_000, 64 << 20)
  const spread = (i: number) => keyOf(i, Math.imul(i, 0x9e3779b1))
  for (let i = 0; i < 20_001; i++) write(store, spread(i))
  assert.equal(store.countFresh(29_999), 20_000)
  assert.equal(store.countFresh(30_000), 0)
  assert.equal(store.find(spread(0)), null)
  for (let i = 1; i < 20_001; i++) assert.notEqual(store.find(spread(i)), null)
  assert.equal(store.recent(500).length, 500)
})

test('TTLs of an entry are found by their offsets and lowered, not below 0, or set, or kept', () => {
  const answer = [a('x', 10), a('y', 100), a('z', 0)]
  const { store } = open()
  const key = keyOf(1, 1)
  write(store, key, { answer })
  const entry = store.find(key)!
  const ttls = (read: (out: Buffer, questionEnd: number) => number): number[] => {
    const out = Buffer.concat([message({ name: 'x1.test' }), Buffer.alloc(512)])
    const wire = out.subarray(0, read(out, key.question.end))
    const records = recordsOf(wire, questionOf(wire))
    return Array.from({ length: 3 }, (_, i) => readTtl(wire, records.ttlAt[i]!))
  }

  const at = (now: number) => ttls((out, end) => entry.read(out, end, now))
  const set = (ttl: number) => ttls((out, end) => entry.readWithTtl(out, end, ttl))
  assert.deepEqual(at(999), [10, 100, 0])
  assert.deepEqual(at(11_999), [0, 89, 0])
  assert.deepEqual(set(30), [30, 30, 30])
  assert.deepEqual(set(0), [0, 0, 0])
  assert.deepEqual(
    ttls((out, end) => entry.readKeepingTtl(out, end)),
    [10, 100, 0],
  )
})

test('a store grows with what it holds, and neither order nor entries are lost', () => {
  const { budget, counts, store } = open(10_000)
  const pick = (i: number): number => (i * 7919) % 1009
  const used = new Set<number>()
  for (let i = 0; i < 1500; i++) {
    const [number, again] = [pick(i), pick(i >> 1)]
    assert.ok(write(store, keyOf(number, number)))
    assert.ok(store.find(keyOf(again, again)) !== null)
    for (const one of [number, again]) {
      used.delete(one)
      used.add(one)
    }
  }
  assert.equal(used.size, 1009)
  assert.deepEqual(order(store), [...used])
  assert.equal(counts.evicted, 0)
  store.clear()
  assert.equal(budget.used, 0)
})
