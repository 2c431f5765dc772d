import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Ede, Type } from '../../src/wire/codes.ts'
import {
  addErrors,
  addOptions,
  BAD_OPTIONS,
  Edns,
  errorOption,
  ErrorOptions,
  findEde,
  findOption,
  gatherErrors,
  OPT_SIZE,
  readQueryOpt,
  writeOption,
  writeOpt,
} from '../../src/wire/edns.ts'
import { readCount, Section } from '../../src/wire/header.ts'
import { stripOpt } from '../../src/wire/records.ts'
import { WireStatus } from '../../src/wire/status.ts'
import { a, message, opt, option, questionOf, recordsOf, type TestMessage } from './message.ts'

function read(m: TestMessage): { status: WireStatus; edns: Edns } {
  const b = message({ flags: 0x0100, ...m })
  const edns = new Edns()
  return { status: readQueryOpt(b, b.length, questionOf(b), edns), edns }
}

describe('readQueryOpt()', () => {
  test('says what a query without OPT means', () => {
    const { status, edns } = read({})
    assert.equal(status, WireStatus.Ok)
    assert.deepEqual(Object.assign({}, edns), {
      present: false,
      version: 0,
      udpSize: 512,
      dnssecOk: false,
    })
  })

  test('reads size, version and DO', () => {
    const { edns } = read({ additional: [opt({ size: 4096, version: 7, dnssecOk: true })] })
    assert.deepEqual(Object.assign({}, edns), {
      present: true,
      version: 7,
      udpSize: 4096,
      dnssecOk: true,
    })
  })

  test('takes a size below 512 as 512', () => {
    assert.equal(read({ additional: [opt({ size: 511 })] }).edns.udpSize, 512)
  })

  test('passes over other records', () => {
    const records = { answer: [a('x')], authority: [a('x')], additional: [a('x'), opt()] }
    const { status, edns } = read(records)
    assert.deepEqual([status, edns.present], [WireStatus.Ok, true])
  })

  test('answers FORMERR to two OPT records, to one outside the additional section or with a name', () => {
    const wrong: readonly TestMessage[] = [
      { additional: [opt({ size: 4096 }), opt({ size: 1400 })] },
      { answer: [opt()] },
      { authority: [opt()] },
      { authority: [opt()], additional: [opt()] },
      { additional: [{ ...opt(), name: 'x' }] },
      { additional: [{ ...opt(), name: 'www.example.com' }] },
    ]
    for (const m of wrong) assert.equal(read(m).status, WireStatus.FormErr, JSON.stringify(m))
    // The root by way of a pointer is no root name either.
    const pointed = Buffer.concat([
      message({ flags: 0x0100 }),
      Buffer.from([0xc0, 28]),
      message({ name: '.', additional: [opt()] }).subarray(-10),
    ])
    pointed[11] = 1
    assert.equal(
      readQueryOpt(pointed, pointed.length, questionOf(pointed), new Edns()),
      WireStatus.FormErr,
    )
  })

  test('takes well-formed options and refuses cut ones', () => {
    const good = option(10, Buffer.alloc(8))
    assert.equal(read({ additional: [opt({ options: good })] }).status, WireStatus.Ok)
    const cut = good.subarray(0, -1)
    assert.equal(read({ additional: [opt({ options: cut })] }).status, WireStatus.FormErr)
  })

  test('answers FORMERR to a record cut at any octet, and forgives one that is missing', () => {
    const b = message({ flags: 0x0100, additional: [opt(), a('x')] })
    const question = questionOf(b)
    const behindOpt = question.end + OPT_SIZE
    for (let length = question.end; length < b.length; length++) {
      const edns = new Edns()
      const status = readQueryOpt(b, length, question, edns)
      const isWhole = length === question.end || length === behindOpt
      assert.equal(status, isWhole ? WireStatus.Ok : WireStatus.FormErr, `${length}`)
      assert.equal(edns.present, length >= behindOpt)
    }
  })

  test('survives arbitrary octets after the question', () => {
    const edns = new Edns()
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(3), fc.nat(3), (tail, an, ar) => {
        const b = Buffer.concat([message({ flags: 0x0100 }), tail])
        b[7] = an
        b[11] = ar
        const status = readQueryOpt(b, b.length, questionOf(b), edns)
        assert.ok(status === WireStatus.Ok || status === WireStatus.FormErr)
        assert.ok(edns.udpSize >= 512)
      }),
      { numRuns: 500 },
    )
  })
})

describe('Edns', () => {
  test('assign() and clear() cover every field', () => {
    const from = read({ additional: [opt({ size: 4096, version: 7, dnssecOk: true })] }).edns
    const to = new Edns()
    to.assign(from)
    assert.deepEqual(to, from)
    to.clear()
    assert.deepEqual(to, new Edns())
  })
})

describe('findEde()', () => {
  test('finds the first extended error among other options', () => {
    const first = option(15, Buffer.from([0, 22, 0x68, 0x69]))
    const b = Buffer.concat([option(3, Buffer.from('ns1')), first, option(15, Buffer.from([0, 3]))])
    assert.equal(findEde(b, 0, b.length), Ede.NoReachableAuthority)
  })

  test('is −1 without options and BAD_OPTIONS for half an option', () => {
    assert.equal(findEde(Buffer.alloc(0), 0, 0), -1)
    assert.equal(findEde(Buffer.alloc(3), 0, 3), BAD_OPTIONS)
    assert.equal(findEde(Buffer.from([0, 15, 0, 1]), 0, 4), BAD_OPTIONS)
  })
})

describe('writeOpt()', () => {
  test('is undone by stripOpt(), octet by octet', () => {
    fc.assert(
      fc.property(fc.nat(5), fc.nat(5), fc.boolean(), (answers, others, dnssecOk) => {
        const plain = message({
          answer: Array.from({ length: answers }, () => a('x')),
          additional: Array.from({ length: others }, () => a('y')),
        })
        const out = Buffer.alloc(plain.length + OPT_SIZE)
        const length = writeOpt(out, plain.copy(out), 1232, 0, dnssecOk)
        assert.equal(length, out.length)
        const stripped = stripOpt(out, recordsOf(out))
        assert.deepEqual(out.subarray(0, stripped), plain)
      }),
    )
  })

  test('writes what scanRecords() and readQueryOpt() read', () => {
    fc.assert(
      fc.property(
        fc.nat(0xffff),
        fc.nat(0xff),
        fc.boolean(),
        fc.integer({ min: -1, max: 0xffff }),
        (size, extended, dnssecOk, ede) => {
          const out = Buffer.alloc(600)
          const end = message({ answer: [a('x')] }).copy(out)
          const bare = writeOpt(out, end, size, extended, dnssecOk)
          assert.equal(bare, end + OPT_SIZE)
          const length = addErrors(out, bare, out.length, ede, new ErrorOptions())
          assert.equal(length, bare + (ede < 0 ? 0 : 6))
          assert.equal(readCount(out, Section.Additional), 1)
          const records = recordsOf(out.subarray(0, length))
          assert.equal(records.types[1], Type.OPT)
          assert.deepEqual(
            [records.extendedRcode, records.dnssecOk, records.ede, records.end],
            [extended, dnssecOk, ede, length],
          )
          const edns = new Edns()
          readQueryOpt(out, length, questionOf(out), edns)
          assert.deepEqual([edns.udpSize, edns.version], [Math.max(size, 512), 0])
        },
      ),
    )
  })
})

describe('extended errors', () => {
  const blocked = option(15, Buffer.from([0, Ede.Blocked]))
  const bogus = option(15, Buffer.concat([Buffer.from([0, Ede.DnssecBogus]), Buffer.from('why')]))
  const cookie = option(10, Buffer.alloc(8, 1))
  const halfError = option(15, Buffer.from([6]))

  function gathered(...options: readonly Buffer[]): ErrorOptions {
    const errors = new ErrorOptions()
    const b = Buffer.concat(options)
    gatherErrors(b, 0, b.length, errors)
    return errors
  }

  /** The options of an OPT record with these errors and `room` octets for them. */
  function written(room: number, ede: number, errors: ErrorOptions): Buffer {
    const out = Buffer.alloc(200)
    const end = writeOpt(out, message({}).copy(out), 1232, 0, false)
    const last = addErrors(out, end, end + room, ede, errors)
    assert.ok(last <= end + room)
    assert.equal(recordsOf(out).end, last, 'the record ends where they do')
    return out.subarray(end, last)
  }

  test('are gathered from among other options', () => {
    const errors = gathered(cookie, bogus, halfError, cookie, blocked)
    assert.deepEqual(
      errors.from.subarray(errors.at, errors.at + errors.size),
      Buffer.concat([bogus, blocked]),
    )
    assert.equal(gathered(cookie).size, 0)
    errors.clear()
    assert.deepEqual(errors, new ErrorOptions())
  })

  test('are all written, with their texts, and our own behind them', () => {
    const stale = option(15, Buffer.from([0, Ede.StaleAnswer]))
    assert.deepEqual(written(99, -1, gathered(bogus, blocked)), Buffer.concat([bogus, blocked]))
    assert.deepEqual(written(99, 3, gathered(bogus)), Buffer.concat([bogus, stale]))
  })

  test('lose their texts, and then go, where there is no room', () => {
    const code = option(15, Buffer.from([0, Ede.DnssecBogus]))
    const stale = option(15, Buffer.from([0, Ede.StaleAnswer]))
    const errors = gathered(bogus, blocked)
    assert.deepEqual(written(15, -1, errors), Buffer.concat([bogus, blocked]))
    assert.deepEqual(written(14, -1, errors), bogus)
    assert.deepEqual(written(8, -1, errors), code)
    assert.deepEqual(written(5, -1, errors), Buffer.alloc(0))
    assert.deepEqual(written(14, 3, errors), Buffer.concat([code, stale]))
    assert.deepEqual(written(6, 3, errors), stale)
    assert.deepEqual(written(5, 3, errors), Buffer.alloc(0))
  })

  test('may lie where they are written to', () => {
    const out = Buffer.alloc(200)
    const end = message({
      additional: [opt({ options: Buffer.concat([bogus, cookie, blocked]) })],
    }).copy(out)
    const records = recordsOf(out.subarray(0, end))
    const errors = new ErrorOptions()
    gatherErrors(out, records.optionsAt, records.optionsEnd, errors)
    const bare = writeOpt(out, stripOpt(out, records), 1232, 0, false)
    const last = addErrors(out, bare, 200, Ede.StaleAnswer, errors)
    const own = option(15, Buffer.from([0, Ede.StaleAnswer]))
    assert.deepEqual(out.subarray(bare, last), Buffer.concat([bogus, blocked, own]))
  })
})

describe('options', () => {
  const one = writeOption(10, Buffer.from('one'))
  const two = writeOption(3, Buffer.alloc(0))

  test('are written with code and length', () => {
    assert.deepEqual(one, option(10, Buffer.from('one')))
    assert.deepEqual(two, option(3, Buffer.alloc(0)))
  })

  test('are found by code, behind other records and other options, the first of several', () => {
    const options = Buffer.concat([one, two, option(10, Buffer.from('late'))])
    const b = message({ answer: [a('a.test')], additional: [a('b.test'), opt({ options })] })
    const found = (code: number): string | undefined =>
      findOption(b, questionOf(b), code)?.toString()
    assert.deepEqual([found(10), found(3), found(11)], ['one', '', undefined])
    const bare = message({ additional: [opt()] })
    assert.equal(findOption(bare, questionOf(bare), 10), null)
    const none = message({ additional: [a('b.test')] })
    assert.equal(findOption(none, questionOf(none), 10), null)
  })

  test('of an extended error have its code and its text', () => {
    const expected = option(15, Buffer.from('\0\x15why'))
    assert.deepEqual(errorOption(Ede.NotSupported, Buffer.from('why')), expected)
    assert.equal(errorOption(0xffff, Buffer.alloc(0)).toString('hex'), '000f0002ffff')
  })

  test('are added to OPT behind its errors, where there is room', () => {
    const out = Buffer.alloc(100)
    const start = writeOpt(out, message({}).copy(out), 1232, 0, false)
    const end = addErrors(out, start, 100, Ede.Blocked, new ErrorOptions())
    assert.equal(addOptions(out, start, end, end + one.length - 1, one), end)
    const last = addOptions(out, start, end, end + one.length, one)
    assert.equal(last, end + one.length)
    const error = option(15, Buffer.from([0, Ede.Blocked]))
    assert.deepEqual(out.subarray(start, last), Buffer.concat([error, one]))
    assert.equal(out.readUInt16BE(start - 2), last - start)
  })
})
