import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { Type } from '../../src/wire/codes.ts'
import { compress } from '../../src/wire/compress.ts'
import { read16, write16 } from '../../src/wire/bytes.ts'
import { HEADER_SIZE, readCount, Section, writeCount } from '../../src/wire/header.ts'
import { Records, scanRecords } from '../../src/wire/records.ts'
import { WireStatus } from '../../src/wire/status.ts'
import {
  folded,
  layoutOfRecords,
  lengthFromCoreDns,
  nameTypes,
  plain,
  pointsWhereItMustNot,
  readName,
} from './compress-support.ts'
import {
  a,
  cname,
  message,
  ns,
  questionOf,
  recordsOf,
  type TestMessage,
  type TestRecord,
  wireName,
} from './message.ts'

const out = Buffer.alloc(65_535)

/** The message, compressed; what is said about its records is checked on the way. */
function compressed(b: Buffer): Buffer {
  const question = questionOf(b)
  const records = new Records()
  assert.equal(scanRecords(b, b.length, question, records), WireStatus.Ok, 'a sound message')
  const before = Buffer.from(b)
  const length = compress(b, records, question, out)
  // The counts follow where OPT is left out.
  assert.deepEqual(b.subarray(HEADER_SIZE), before.subarray(HEADER_SIZE), 'the records stay')
  const got = Buffer.from(out.subarray(0, length))
  const again = new Records()
  assert.equal(scanRecords(got, length, question, again), WireStatus.Ok, 'still sound')
  assert.deepEqual(layoutOfRecords(records), layoutOfRecords(again))
  assert.equal(again.end, length)
  return got
}

function srv(name: string, target: string): TestRecord {
  return { name, type: Type.SRV, data: Buffer.concat([Buffer.alloc(6), wireName(target)]) }
}

/** A name that ends in a pointer. */
function pointed(labels: string, target: number): Buffer {
  const name = labels === '' ? Buffer.alloc(0) : wireName(labels).subarray(0, -1)
  return Buffer.concat([name, Buffer.from([0xc0 | (target >> 8), target & 0xff])])
}

/** A message and records behind it, octet by octet. */
function append(m: TestMessage, section: Section, ...records: readonly Buffer[]): Buffer {
  const b = message(m)
  writeCount(b, section, readCount(b, section) + records.length)
  return Buffer.concat([b, ...records])
}

function record(owner: Buffer, type: number, data: Buffer, klass = 1): Buffer {
  const fixed = Buffer.alloc(10)
  write16(fixed, 0, type)
  write16(fixed, 2, klass)
  fixed[7] = 60
  write16(fixed, 8, data.length)
  return Buffer.concat([owner, fixed, data])
}

const address = Buffer.from([192, 0, 2, 1])
const toQuestion = pointed('', 12)

describe('compress()', () => {
  test('makes 20 addresses of a headless service fit 512 octets', () => {
    const name = 'workers.my-namespace.svc.cluster.local'
    const whole = message({ name, answer: Array.from({ length: 20 }, () => a(name)) })
    const got = compressed(whole)
    assert.equal(whole.length, 1136)
    assert.equal(got.length, 12 + 40 + 4 + 20 * 16)
    assert.deepEqual(plain(got), plain(whole))
  })

  test('gives an owner that is the question in another letter case a pointer too', () => {
    const whole = message({ name: 'WWW.example.COM', answer: [a('www.Example.com')] })
    const got = compressed(whole)
    assert.equal(got.length, whole.length - 15)
    assert.deepEqual(folded(plain(got)), folded(plain(whole)))
  })

  test('keeps the letter case of all other names', () => {
    const answer = [cname('www.example.com', 'Web.CDN.net'), a('web.CDN.net'), a('Web.CDN.net')]
    const got = compressed(message({ answer }))
    assert.deepEqual(
      plain(got).records.map(({ owner }) => owner.join('.')),
      ['www.example.com', 'web.CDN.net', 'Web.CDN.net'],
    )
    assert.equal(got.length, 12 + 17 + 4 + (2 + 10 + 13) + (4 + 2 + 10 + 4) + (2 + 10 + 4))
  })

  test('writes the targets of SRV in full, and lets owners point at them', () => {
    const name = '_pg._tcp.db.ns.svc.cluster.local'
    const targets = ['db-0', 'db-1'].map((pod) => `${pod}.db.ns.svc.cluster.local`)
    const whole = message({
      name,
      answer: targets.map((target) => srv(name, target)),
      additional: targets.map((target) => a(target)),
    })
    const got = compressed(whole)
    assert.ok(!pointsWhereItMustNot(got))
    assert.deepEqual(plain(got), plain(whole))
    const target = targets[0]!.length + 2
    const question = name.length + 2 + 4
    assert.equal(got.length, 12 + question + 2 * (2 + 10 + 6 + target) + 2 * (2 + 10 + 4))
  })

  test('writes a target of SRV in full that came compressed', () => {
    const target = Buffer.concat([Buffer.alloc(6), pointed('db', 16)])
    const b = append({}, Section.Answer, record(toQuestion, Type.SRV, target))
    const got = compressed(b)
    assert.equal(got.length, b.length - 2 + 'example.com'.length + 2)
    assert.deepEqual(plain(got), plain(b))
    assert.ok(pointsWhereItMustNot(b) && !pointsWhereItMustNot(got))
  })

  test('leaves a message alone that would grow beyond 65,535 octets by that', () => {
    const long = Array.from({ length: 4 }, (_, i) => String(i).repeat(60)).join('.')
    const target = Buffer.concat([Buffer.alloc(6), pointed('', 12)])
    const records = Array.from({ length: 400 }, () => record(toQuestion, Type.SRV, target))
    const b = append({ name: long }, Section.Answer, ...records)
    assert.deepEqual(compressed(b), b)
    const two = append({ name: long }, Section.Answer, ...records.slice(0, 2))
    assert.ok(!pointsWhereItMustNot(compressed(two)))
  })

  test('leaves a message alone whose names are pointers already', () => {
    const records = [
      record(toQuestion, Type.A, address),
      record(pointed('', 16), Type.CNAME, toQuestion),
    ]
    const b = append({}, Section.Answer, ...records)
    assert.deepEqual(compressed(b), b)
  })

  test('leaves a small message alone that its server has compressed', () => {
    const zone = 12 + 5 + 4
    const data = Buffer.concat([pointed('ns', zone), pointed('hostmaster', zone), Buffer.alloc(20)])
    const tidy = (name: string): Buffer =>
      append({ name, flags: 0x8183 }, Section.Authority, record(pointed('', zone), Type.SOA, data))
    const b = tidy('db-0.www.example.com')
    assert.deepEqual(compressed(b), b)
    const name = `db-0.www.${'n'.repeat(60)}.${'n'.repeat(60)}.${'n'.repeat(60)}.com`
    const large = append(
      { name },
      Section.Answer,
      ...Array.from({ length: 4 }, () => record(pointed('www', 12 + 5 + 4), Type.A, address)),
    )
    assert.equal(
      compressed(large).length,
      large.length - 4 * 4,
      'the same where CoreDNS would compress',
    )
    const half = append(
      { name: 'db-0.www.example.com', authority: [ns('example.com', 'a.b')] },
      Section.Additional,
      record(pointed('a', 17), Type.A, address),
    )
    assert.equal(compressed(half).length, half.length - 11, 'a name in full: all are looked at')
  })

  test('leaves a message alone that compresses where we would not', () => {
    // The owner of the second record stands in the text of the first.
    const text = Buffer.concat([Buffer.from([19]), wireName('www.elsewhere.net')])
    const first = record(toQuestion, Type.TXT, text)
    const at = message({}).length + first.length - 19
    const b = append({}, Section.Answer, first, record(pointed('', at), Type.A, address))
    assert.equal(readName(b, at).labels.join('.'), 'www.elsewhere.net')
    assert.deepEqual(compressed(b), b)
  })

  test('leaves a message alone that has an A record of class CH', () => {
    const data = Buffer.concat([wireName('ch-addr.net'), Buffer.alloc(2)])
    const b = append(
      { class: 3 },
      Section.Answer,
      record(wireName('www.example.com'), Type.A, data, 3),
    )
    assert.deepEqual(compressed(b), b)
  })

  test('writes a target in full that was nothing but a pointer', () => {
    const b = message({
      name: 'www',
      answer: [{ name: '.', type: Type.DNAME, data: pointed('', 12) }],
    })
    const got = compressed(b)
    assert.equal(got.length, b.length + 3)
    assert.ok(!pointsWhereItMustNot(got))
  })

  test('follows pointers of the message to whatever names they lead', () => {
    const question = message({}).length
    const first = record(pointed('', 16), Type.NS, pointed('ns.a', 24))
    const nameAt = question + first.length - 7
    const b = append(
      {},
      Section.Authority,
      first,
      record(pointed('x', nameAt), Type.A, address),
      record(pointed('', nameAt + 3), Type.A, address),
    )
    assert.deepEqual(plain(compressed(b)), plain(b))
    assert.equal(compressed(b).length, b.length)
  })

  test('knows the root', () => {
    const root: TestMessage = { name: '.', answer: [ns('.', 'a.root.net'), ns('.', '.')] }
    const b = message(root)
    assert.deepEqual(compressed(b), b)
    // A pointer to the root is longer than the root.
    const long = append({ name: '.' }, Section.Answer, record(toQuestion, Type.A, address))
    assert.deepEqual(compressed(long), long, 'nothing longer than a pointer: not looked at')
    const both = append(
      root,
      Section.Additional,
      record(toQuestion, Type.A, address),
      record(wireName('a.root.net'), Type.A, address),
    )
    assert.equal(compressed(both).length, both.length - 1 - 10)
    assert.deepEqual(plain(compressed(both)), plain(both))
  })

  test('passes data on that has no name where its type should have one', () => {
    const odd = [
      record(toQuestion, Type.HTTPS, Buffer.from([0, 1, 63, 1])),
      record(toQuestion, Type.HTTPS, Buffer.from([0])),
      record(toQuestion, Type.IPSECKEY, Buffer.from([10, 1, 2, 192, 0, 2, 1])),
      record(toQuestion, Type.AMTRELAY, Buffer.from([10, 0x81, 192, 0, 2, 1])),
    ]
    const b = append({ answer: [a('www.example.com')] }, Section.Answer, ...odd)
    const got = compressed(b)
    const tail = Buffer.concat(odd)
    assert.equal(got.length, b.length - 15)
    assert.deepEqual(got.subarray(-tail.length), tail)
  })

  test('lets owners point at names in any data that CoreDNS knows', () => {
    const target = wireName('gw.elsewhere.net')
    const data: readonly (readonly [number, Buffer])[] = [
      [Type.HTTPS, Buffer.concat([Buffer.from([0, 1]), target])],
      [Type.LP, Buffer.concat([Buffer.from([0, 1]), target])],
      [Type.TALINK, Buffer.concat([target, target])],
      [Type.NAPTR, Buffer.concat([Buffer.alloc(4), Buffer.from([1, 0x75, 0, 0]), target])],
      [Type.IPSECKEY, Buffer.concat([Buffer.from([10, 3, 2]), target, Buffer.alloc(40)])],
      [Type.AMTRELAY, Buffer.concat([Buffer.from([10, 0x83]), target])],
      [23, target],
    ]
    for (const [type, octets] of data) {
      const answer = [{ name: 'www.example.com', type, data: octets }]
      const b = message({ answer, additional: [a('gw.elsewhere.net'), a('elsewhere.net')] })
      const got = compressed(b)
      assert.equal(got.length, b.length - 15 - 16 - 13, `type ${type}`)
      assert.ok(got.includes(octets), 'the data is untouched')
    }
  })

  test('points at nothing beyond offset 16,383', () => {
    const filler = (size: number): TestRecord => ({
      name: '.',
      type: Type.TXT,
      data: Buffer.alloc(size, 1),
    })
    for (let size = 16_383 - 33 - 11 - 30; size < 16_384; size++) {
      const tail = [
        a('one.two.three.net'),
        a('x.two.three.net'),
        a('one.two.three.net'),
        a('three.net'),
      ]
      const b = message({ answer: [filler(size), ...tail] })
      const got = compressed(b)
      assert.deepEqual(plain(got), plain(b))
      assert.equal(got.length, Math.min(lengthFromCoreDns(b), b.length), `${size} octets before`)
    }
  })

  test('begins anew with every message, for more than 65,535 of them', () => {
    const one = message({ answer: [a('a.one.net'), a('b.one.net')] })
    const two = message({ name: 'two', answer: [a('a.one.net'), a('b.one.net')] })
    const [first, second] = [compressed(one), compressed(two)]
    const records = new Records()
    for (let i = 0; i < 66_000; i++) {
      const b = i % 2 === 0 ? one : two
      const question = questionOf(b)
      scanRecords(b, b.length, question, records)
      const length = compress(b, records, question, out)
      if (!out.subarray(0, length).equals(i % 2 === 0 ? first : second)) assert.fail(`message ${i}`)
    }
  })
})

const LABELS = ['a', 'b', 'www', 'db-0', 'svc', 'example', 'com', 'net', 'Www', 'EXAMPLE', 'Com']
const lowerLabels = LABELS.filter((label) => label === label.toLowerCase())
const typesWithNames = Object.keys(nameTypes).map(Number)

interface Draft {
  readonly question: readonly string[]
  readonly records: readonly {
    readonly owner: readonly string[]
    readonly type: number
    readonly names: readonly (readonly string[])[]
    readonly filler: number
  }[]
  /** For each name in turn: whether it is compressed, and where it points. */
  readonly choices: readonly number[]
  readonly forbidden: boolean
}

/** Messages of any mixture of names in full and compressed, by a server with habits of its own. */
function drafts(labels: readonly string[], forbidden: boolean): fc.Arbitrary<Draft> {
  const name = fc.array(fc.constantFrom(...labels), { maxLength: 5 })
  const rr = fc.record({
    owner: name,
    type: fc.constantFrom(Type.A, Type.TXT, ...typesWithNames),
    names: fc.tuple(name, name),
    filler: fc.oneof({ weight: 12, arbitrary: fc.nat(20) }, { weight: 1, arbitrary: fc.nat(9000) }),
  })
  return fc.record({
    question: name,
    records: fc.array(rr, { maxLength: 14 }),
    choices: fc.array(fc.nat(5), { minLength: 1, maxLength: 20 }),
    forbidden: fc.constant(forbidden),
  })
}

function build(draft: Draft): Buffer {
  const b = Buffer.alloc(65_535)
  const places = new Map<string, number[]>()
  let at = 12
  let turn = 0
  const key = (labels: readonly string[]): string => labels.join('.').toLowerCase()
  const put = (labels: readonly string[], mayPoint: boolean): void => {
    const choice = draft.choices[turn++ % draft.choices.length]!
    for (let i = 0; i < labels.length; i++) {
      const found = places.get(key(labels.slice(i)))
      if (mayPoint && choice > 0 && found !== undefined && (choice !== 3 || i > 0)) {
        at = b.writeUInt16BE(0xc000 | found[choice % found.length]!, at)
        return
      }
      if (at < 0x4000) places.set(key(labels.slice(i)), [...(found ?? []), at])
      at = b.writeUInt8(labels[i]!.length, at)
      at += b.write(labels[i]!, at, 'latin1')
    }
    b[at++] = 0
  }
  b.writeUInt16BE(0x8180, 2)
  b.writeUInt16BE(1, 4)
  put(draft.question, false)
  at = b.writeUInt32BE(0x00010001, at)
  const third = Math.floor(draft.records.length / 3)
  const counts = [draft.records.length - 2 * third, third, third]
  counts.forEach((count, i) => b.writeUInt16BE(count, 6 + 2 * i))
  for (const { owner, type, names, filler } of draft.records) {
    put(owner, true)
    at = b.writeUInt16BE(type, at)
    at = b.writeUInt16BE(1, at)
    at = b.writeUInt32BE(filler, at)
    const size = (at += 2)
    const [before, count, compressible] = nameTypes[type] ?? [type === Type.A ? 4 : filler, 0, true]
    at += before
    for (let i = 0; i < count; i++) put(names[i]!, compressible || draft.forbidden)
    if (type === Type.SOA) at += 20
    if (type === Type.RRSIG || type === Type.NSEC || type === Type.HTTPS) at += filler
    b.writeUInt16BE(at - size, size - 2)
  }
  return Buffer.from(b.subarray(0, at))
}

describe('for any message, compress()', () => {
  const options = { numRuns: 1500 }

  test('changes no octet of what it says, where all is in one letter case', () => {
    fc.assert(
      fc.property(drafts(lowerLabels, true), (draft) => {
        const b = build(draft)
        assert.deepEqual(plain(compressed(b)), plain(b))
      }),
      options,
    )
  })

  test('changes nothing but the letter case of names that end as the question does', () => {
    fc.assert(
      fc.property(drafts(LABELS, true), (draft) => {
        const b = build(draft)
        const got = compressed(b)
        assert.deepEqual(folded(plain(got)), folded(plain(b)))
        const end = draft.question.at(-1)?.toLowerCase()
        const foreign = (labels: unknown): boolean =>
          Array.isArray(labels) && String(labels.at(-1)).toLowerCase() !== end
        const names = (m: Buffer): unknown[] =>
          plain(m).records.flatMap(({ owner, data }) => [owner, ...data].filter(foreign))
        assert.deepEqual(names(got), names(b))
      }),
      options,
    )
  })

  test('is never longer than the message, nor than what CoreDNS makes of it', () => {
    let shorter = 0
    fc.assert(
      fc.property(fc.oneof(drafts(LABELS, false), drafts(lowerLabels, false)), (draft) => {
        const b = build(draft)
        const { length } = compressed(b)
        assert.ok(length <= b.length)
        assert.ok(length <= lengthFromCoreDns(b))
        if (length < b.length) shorter++
      }),
      options,
    )
    assert.ok(shorter > 300, `${shorter} were shorter`)
  })

  test('is never longer than CoreDNS makes it, and points nowhere it must not', () => {
    fc.assert(
      fc.property(drafts(LABELS, true), (draft) => {
        const got = compressed(build(draft))
        assert.ok(got.length <= lengthFromCoreDns(build(draft)))
        assert.ok(!pointsWhereItMustNot(got))
      }),
      options,
    )
  })

  test('yields a sound one, whatever octets are changed as long as it can be read', () => {
    const change = fc.tuple(fc.nat(700), fc.oneof(fc.constantFrom(0, 12, 0xc0, 0xff), fc.nat(255)))
    let sound = 0
    fc.assert(
      fc.property(drafts(LABELS, true), fc.array(change, { maxLength: 4 }), (draft, changes) => {
        const b = build(draft)
        for (const [at, octet] of changes) if (at > 11 && at < b.length) b[at] = octet
        const question = questionOf(b)
        if (scanRecords(b, b.length, question, new Records()) !== WireStatus.Ok) return
        sound++
        // A pointer in data that nobody checks may lead elsewhere now, so twice is not the same as once.
        compressed(compressed(b.subarray(0, recordsOf(b, question).end)))
      }),
      options,
    )
    assert.ok(sound > 100, `${sound} could be read`)
  })

  test('has nothing left to do the second time', () => {
    fc.assert(
      fc.property(drafts(LABELS, true), (draft) => {
        const once = compressed(build(draft))
        assert.deepEqual(compressed(once), once)
      }),
      options,
    )
  })
})

describe('a hostile message costs compress() no more than its octets', () => {
  /**
   * Fails where compressing takes longer than reading does, many times over: that is linear, and as slow
   * as the machine. A look at each pair of names would take a thousand times as long.
   */
  function assertCheap(b: Buffer): void {
    const question = questionOf(b)
    const records = new Records()
    let [reading, writing] = [Infinity, Infinity]
    for (let i = 0; i < 7; i++) {
      const start = performance.now()
      assert.equal(scanRecords(b, b.length, question, records), WireStatus.Ok)
      const middle = performance.now()
      assert.ok(compress(b, records, question, out) <= 65_535)
      reading = Math.min(reading, middle - start)
      writing = Math.min(writing, performance.now() - middle)
    }
    assert.ok(writing < 40 * reading + 2, `${writing} ms, ${reading} ms to read it`)
  }

  const deep = wireName(
    Array.from({ length: 126 }, (_, i) => String.fromCharCode(97 + (i % 26))).join('.'),
  )

  /** As many records as fit, made one after the other. */
  function full(make: (i: number, at: number) => Buffer, name = 'x'): Buffer {
    const records: Buffer[] = []
    let length = message({ name }).length
    for (let i = 0; ; i++) {
      const next = make(i, length)
      if (length + next.length > 65_535) break
      records.push(next)
      length += next.length
    }
    return append({ name }, Section.Answer, ...records)
  }

  const none = Buffer.alloc(0)
  const hostile: Readonly<Record<string, Buffer>> = {
    'pointers to a name of 126 labels': full((i) =>
      record(i === 0 ? deep : pointed(i % 2 === 0 ? 'y' : '', 12 + 3 + 4), Type.TXT, none),
    ),
    'names of 126 labels in full': full((i) => {
      const name = Buffer.from(deep)
      write16(name, 1, i)
      name[0] = 2
      name[1]! |= 0x80
      return record(Buffer.concat([name.subarray(0, 3), deep.subarray(4)]), Type.TXT, none)
    }),
    'chains of pointers': full((i, at) =>
      record(
        i === 0 ? wireName('z') : pointed('', i % 120 === 1 ? 19 : Math.min(at - 12, 0x3fff)),
        Type.TXT,
        none,
      ),
    ),
    'a label each': full((i) => record(wireName(`n${i}`), Type.TXT, none)),
    'names in data that must be in full': full(
      (i) =>
        record(
          pointed('', 12),
          Type.NSEC,
          Buffer.concat([pointed(`n${i}`, 12), Buffer.alloc(400)]),
        ),
      'q',
    ),
  }

  for (const [what, b] of Object.entries(hostile)) {
    test(what, () => {
      assert.ok(b.length > 60_000)
      assert.ok(isDeepStrictEqual(plain(compressed(b)), plain(b)))
      assertCheap(b)
    })
  }

  test('names that read one another from the middle', () => {
    // Owners point at every offset of a text whose octets all are lengths of labels.
    const text = record(wireName('x'), Type.TXT, Buffer.alloc(16_000, 1))
    const start = message({ name: 'x' }).length + 13
    const zero = Buffer.from(text)
    zero.fill(0, 13 + 15_900)
    const owners = Array.from({ length: 3000 }, (_, i) =>
      record(pointed('', start + 15_900 - 250 + (i % 240)), Type.TXT, none),
    )
    const b = append({ name: 'x' }, Section.Answer, zero, ...owners)
    assert.ok(isDeepStrictEqual(plain(compressed(b)), plain(b)))
    assert.ok(read16(b, 6) > 3000)
    assertCheap(b)
  })
})
