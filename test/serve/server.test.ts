import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import DNS from 'dns2'
import fc from 'fast-check'
import type { Handler } from '../../src/serve/plugin.ts'
import { makeFinish } from '../../src/serve/finish.ts'
import { noServer, Outcome, type Query } from '../../src/serve/query.ts'
import { type Route, Server } from '../../src/serve/server.ts'
import { Class, Flag, Opcode, Rcode, Type } from '../../src/wire/codes.ts'
import { nameText } from '../../src/wire/question.ts'
import {
  a,
  message,
  opt,
  soa,
  option,
  questionOf,
  recordsOf,
  type TestMessage,
} from '../wire/message.ts'
import { FakeTarget, receive } from './fake-target.ts'

/** A server that notes what it does; its blocks answer with an empty message of their own. */
class Lab {
  readonly target = new FakeTarget()
  readonly routed: string[] = []
  readonly rejected: string[] = []
  readonly panics: unknown[] = []
  readonly server: Server

  constructor(zones: readonly string[] = ['.'], allClasses = true, handler?: Handler) {
    const route = (zone: string): Route => ({
      handler: (q) => {
        this.routed.push(zone)
        if (handler === undefined) answer(q)
        else handler(q)
      },
    })
    this.server = new Server({
      identity: { name: 'dns://192.0.2.53:53', index: 4 },
      zones: new Map(zones.map((zone) => [zone, route(zone)])),
      allClasses,
      rejected: (q) => this.rejected.push(nameText(q.wire, q.question)),
      panicked: (cause) => this.panics.push(cause),
    })
  }

  /** Serves a message; the result is the reply, undefined where there is none. */
  ask(wire: Buffer): Buffer | undefined {
    const before = this.target.sent.length
    this.server.dispatch(receive(wire, this.target))
    assert.ok(this.target.sent.length <= before + 1, 'one reply at most')
    return this.target.sent[before]
  }
}

const finish = makeFinish([])

function answer(q: Query): void {
  q.outLength = message({ name: nameText(q.wire, q.question), answer: [a('x')] }).copy(q.reserve())
  q.outcome = Outcome.Message
  finish(q)
}

function query(m: TestMessage = {}): Buffer {
  return message({ flags: Flag.RD, ...m })
}

/** What a reply without records says, OPT aside. */
function failure(m: TestMessage): Buffer {
  return message({ answer: [], ...m })
}

/** The header of a reply whose question could not be repeated. */
function bareHeader(flags: number): Buffer {
  const b = failure({ flags }).subarray(0, 12)
  b[5] = 0
  return b
}

describe('Server.dispatch()', () => {
  test('gives a query to the block of the longest zone', () => {
    const lab = new Lab(['.', 'local.', 'cluster.local.'])
    for (const name of ['svc.cluster.LOCAL', 'local', 'example.com', '.']) lab.ask(query({ name }))
    assert.deepEqual(lab.routed, ['cluster.local.', 'local.', '.', '.'])
    assert.equal(lab.target.sent.length, 4)
    assert.deepEqual(lab.rejected, [])
  })

  test('gives DS to the parent side, but not to the root', () => {
    const lab = new Lab(['.', 'local.', 'cluster.local.'])
    for (const name of ['cluster.local', 'local', 'com']) lab.ask(query({ name, type: Type.DS }))
    assert.deepEqual(lab.routed, ['local.', 'local.', '.'])
  })

  test('leaves no query that holds the server, and with it the configuration', () => {
    const kept: Query[] = []
    const lab = new Lab(['.'], true, (q) => kept.push(q.keep()))
    const q = receive(query(), lab.target)
    lab.server.dispatch(q)
    const [copy] = kept
    assert.equal(copy!.enter, lab.server.enter)
    copy!.fail(Rcode.ServFail)
    finish(copy!)
    copy!.release()
    assert.deepEqual([q.enter, copy!.enter], [noServer, noServer])
  })

  test('tells the query which server took it', () => {
    const lab = new Lab()
    const q = receive(query(), lab.target)
    lab.server.dispatch(q)
    assert.deepEqual([q.server, q.finished], [{ name: 'dns://192.0.2.53:53', index: 4 }, true])
  })

  test('reads id, flags, question and OPT for the block', () => {
    const seen: unknown[] = []
    const lab = new Lab(['.'], true, (q) => {
      const { edns, question } = q
      seen.push(q.id, q.flags, question.type, edns.udpSize, edns.dnssecOk)
      answer(q)
    })
    const additional = [opt({ size: 1400, dnssecOk: true })]
    lab.ask(query({ id: 7, flags: 0x0130, type: 28, additional }))
    assert.deepEqual(seen, [7, 0x0130, 28, 1400, true])
  })

  test('serves one query after another with the same Query', () => {
    const lab = new Lab(['local.'])
    const q = receive(query({ name: 'a.local', additional: [opt({ version: 1 })] }), lab.target)
    lab.server.dispatch(q)
    const next = [query({ flags: Opcode.Status << 11 }), query({ name: 'b.local' })]
    for (const wire of next) {
      q.reset(wire, wire.length, 2000)
      lab.server.dispatch(q)
    }
    const [first, ...others] = lab.target.sent.map((reply) => recordsOf(reply))
    assert.deepEqual([first!.rcode, first!.optAt], [Rcode.BadVers, 0])
    assert.deepEqual(
      others.map(({ rcode, optAt }) => [rcode, optAt]),
      [
        [Rcode.NotImp, -1],
        [Rcode.NoError, -1],
      ],
    )
  })

  test('does not mind octets behind the message', () => {
    const lab = new Lab()
    lab.ask(Buffer.concat([query(), Buffer.from('trailing')]))
    assert.deepEqual(lab.routed, ['.'])
  })

  test('takes a query with TSIG and with unknown EDNS options', () => {
    const lab = new Lab()
    const tsig = { name: 'key', type: Type.TSIG, class: Class.ANY, data: Buffer.alloc(30) }
    lab.ask(query({ additional: [opt({ options: option(65001, Buffer.alloc(4)) }), tsig] }))
    assert.deepEqual(lab.routed, ['.'])
  })
})

describe('Server.dispatch() is silent', () => {
  test('on anything shorter than a header', () => {
    const lab = new Lab()
    for (let length = 0; length < 12; length++)
      assert.equal(lab.ask(Buffer.alloc(length)), undefined)
    assert.deepEqual([lab.target.dropped, lab.rejected.length], [12, 0])
  })

  test('on replies', () => {
    const lab = new Lab()
    for (const flags of [Flag.QR, Flag.QR | (15 << 11)])
      assert.equal(lab.ask(query({ flags })), undefined)
    assert.deepEqual([lab.target.dropped, lab.routed.length], [2, 0])
  })
})

describe('Server.dispatch() answers NOTIMP', () => {
  test('to every opcode but QUERY, with the question where one can be read', () => {
    for (let opcode = 1; opcode < 16; opcode++) {
      const lab = new Lab()
      const flags = Flag.RD | (opcode << 11)
      const copied = opcode === Opcode.Notify ? 0 : Flag.RD
      const reply = lab.ask(query({ flags, name: 'A.example' }))
      const expected = Flag.QR | (opcode << 11) | copied | Rcode.NotImp
      assert.deepEqual(reply, failure({ flags: expected, name: 'A.example' }), `opcode ${opcode}`)
      assert.deepEqual([lab.routed, lab.rejected], [[], ['A.example.']])
    }
  })

  test('to a bare header, as a probe sends it', () => {
    const lab = new Lab()
    const reply = lab.ask(Buffer.from('123410000000000000000000', 'hex'))
    assert.deepEqual(reply, bareHeader(Flag.QR | (Opcode.Status << 11) | Rcode.NotImp))
    assert.deepEqual(lab.rejected, ['.'])
  })

  test('without taking octets for a question that the header does not promise', () => {
    const dso = query({ flags: Opcode.Dso << 11 })
    dso[5] = 0
    const reply = new Lab().ask(dso)
    assert.deepEqual(reply, bareHeader(Flag.QR | (Opcode.Dso << 11) | Rcode.NotImp))
  })

  test('to NOTIFY with OPT in the reply where the query had one', () => {
    const old = { name: 'a', type: Type.SOA, data: Buffer.alloc(22) }
    const reply = new Lab().ask(query({ flags: 4 << 11, answer: [old], additional: [opt()] }))
    const expected = Flag.QR | (4 << 11) | Rcode.NotImp
    assert.deepEqual(reply, failure({ flags: expected, additional: [opt()] }))
  })
})

describe('Server.dispatch() answers FORMERR', () => {
  const refused = Flag.QR | Flag.RD | Rcode.FormErr

  test('to impossible counts, with the question if there is exactly one', () => {
    const counts = [
      ['0002', '0000', '0000', '0000'],
      ['0000', '0000', '0000', '0000'],
      ['0001', '0002', '0000', '0000'],
      ['0001', '0000', '0002', '0000'],
      ['0001', '0000', '0000', '0003'],
    ]
    for (const parts of counts) {
      const lab = new Lab()
      const wire = query()
      wire.write(parts.join(''), 4, 'hex')
      const one = parts[0] === '0001'
      assert.deepEqual(lab.ask(wire), one ? failure({ flags: refused }) : bareHeader(refused))
      assert.deepEqual(lab.rejected, [one ? 'www.example.com.' : '.'])
    }
  })

  test('to a question that cannot be read', () => {
    const whole = query()
    for (let length = 13; length < whole.length; length++) {
      assert.deepEqual(new Lab().ask(whole.subarray(0, length)), bareHeader(refused))
    }
    const compressed = Buffer.from(whole)
    compressed.writeUInt16BE(0xc00c, 12)
    assert.deepEqual(new Lab().ask(compressed), bareHeader(refused))
  })

  test('to records that cannot be read, with the question and without OPT', () => {
    const cut = query({ additional: [opt({ dnssecOk: true })] }).subarray(0, -1)
    assert.deepEqual(new Lab().ask(cut), failure({ flags: refused }))
    const options = option(10, Buffer.alloc(8)).subarray(0, -1)
    const broken = query({ additional: [opt(), opt({ options })] })
    assert.deepEqual(new Lab().ask(broken), failure({ flags: refused }))
  })

  test('in preference to every later judgement', () => {
    const lab = new Lab(['local.'], false)
    const broken = query({ class: Class.CH, additional: [opt({ version: 1 })] }).subarray(0, -1)
    assert.deepEqual(lab.ask(broken), failure({ flags: refused, class: Class.CH }))
  })
})

describe('Server.dispatch() answers', () => {
  test('SERVFAIL to a header that promises a question and ends', () => {
    const lab = new Lab()
    const reply = lab.ask(query().subarray(0, 12))
    assert.deepEqual(reply, bareHeader(Flag.QR | Flag.RD | Rcode.ServFail))
    assert.deepEqual(lab.rejected, ['.'])
  })

  test('REFUSED to other classes than IN, unless a block takes them', () => {
    const expected = Flag.QR | Flag.RD | Rcode.Refused
    for (const klass of [0, Class.CH, Class.HS, Class.NONE, Class.ANY]) {
      const wire = query({ class: klass })
      assert.deepEqual(new Lab(['.'], false).ask(wire), failure({ flags: expected, class: klass }))
      const open = new Lab(['.'], true)
      open.ask(wire)
      assert.deepEqual([open.routed, open.rejected], [['.'], []])
    }
  })

  test('REFUSED to names outside its zones', () => {
    const lab = new Lab(['local.'])
    const reply = lab.ask(
      query({ flags: Flag.RD | Flag.CD, name: 'X.example', additional: [opt()] }),
    )
    const flags = Flag.QR | Flag.RD | Flag.CD | Rcode.Refused
    assert.deepEqual(reply, failure({ flags, name: 'X.example', additional: [opt()] }))
    assert.deepEqual(lab.rejected, ['X.example.'])
  })

  test('BADVERS to other EDNS versions, with its own version and size', () => {
    for (const version of [1, 255]) {
      const lab = new Lab()
      const reply = lab.ask(query({ additional: [opt({ version, size: 4096, dnssecOk: true })] }))
      const additional = [opt({ extendedRcode: 1, dnssecOk: true })]
      assert.deepEqual(reply, failure({ flags: Flag.QR | Flag.RD, additional }))
      assert.deepEqual([lab.routed, lab.rejected], [[], ['www.example.com.']])
    }
  })

  test('for transfers of zones: a first message of many would be no answer', () => {
    for (const type of [Type.AXFR, Type.IXFR]) {
      const lab = new Lab(['.'])
      const authority = type === Type.IXFR ? [soa('example.com', 1, 1)] : []
      const reply = lab.ask(query({ type, authority }))
      const flags = Flag.QR | Flag.RD | Rcode.Refused
      assert.deepEqual(reply, failure({ type, flags }))
      assert.deepEqual([lab.routed, lab.rejected], [[], ['www.example.com.']])
    }
  })

  test('for OPT records that are not as RFC 6891 has them', () => {
    for (const m of [{ additional: [opt(), opt()] }, { answer: [opt()] }]) {
      const reply = new Lab(['.']).ask(query(m))!
      assert.deepEqual(reply, failure({ flags: Flag.QR | Flag.RD | Rcode.FormErr }))
    }
  })

  test('for the class first, then for the EDNS version, then for the zone', () => {
    const additional = [opt({ version: 1 })]
    const rcodeOf = (m: TestMessage): number => {
      const reply = new Lab(['local.'], false).ask(query({ ...m, additional }))!
      return recordsOf(reply).rcode
    }
    assert.equal(rcodeOf({ class: Class.CH }), Rcode.Refused)
    assert.equal(rcodeOf({ name: 'example.com' }), Rcode.BadVers)
    assert.equal(rcodeOf({ name: 'a.local' }), Rcode.BadVers)
  })
})

describe('Server.dispatch() survives', () => {
  test('a handler that throws: SERVFAIL, and the cause is told', () => {
    const cause = new Error('defect')
    const lab = new Lab(['.'], true, (q) => {
      q.answeredBy = 'cache'
      q.ede = 3
      throw cause
    })
    const reply = lab.ask(query({ additional: [opt()] }))
    const flags = Flag.QR | Flag.RD | Rcode.ServFail
    assert.deepEqual(reply, failure({ flags, additional: [opt()] }))
    assert.deepEqual([lab.panics, lab.rejected], [[cause], ['www.example.com.']])
  })

  test('a handler that throws while its reply is half built', () => {
    const lab = new Lab(['.'], true, (q) => {
      q.reserve()
      throw new Error('defect')
    })
    assert.equal(recordsOf(lab.ask(query())!).rcode, Rcode.ServFail)
  })

  test('an observer that throws: the client keeps the one reply it has', () => {
    const cause = new Error('defect')
    const broken = makeFinish([
      () => {
        throw cause
      },
    ])
    for (const outcome of [Outcome.Failure, Outcome.Drop]) {
      const lab = new Lab(['.'], true, (q) => {
        q.outcome = outcome
        q.rcode = Rcode.Refused
        broken(q)
      })
      const reply = lab.ask(query())
      assert.equal(reply === undefined, outcome === Outcome.Drop)
      assert.deepEqual([lab.panics, lab.rejected], [[cause], []])
    }
  })

  test('any octets: at most one reply, which any resolver can read', () => {
    const base = query({ additional: [opt({ options: option(10, Buffer.alloc(8)) })] })
    const changes = fc.array(fc.tuple(fc.nat(base.length - 1), fc.nat(255)), { maxLength: 3 })
    const rcodes = new Set<number>()
    fc.assert(
      fc.property(changes, fc.integer({ min: 1, max: base.length }), (list, length) => {
        const wire = Buffer.from(base.subarray(0, length))
        for (const [at, octet] of list) if (at < length) wire[at] = octet
        const lab = new Lab(['com.'], false)
        const before = Buffer.from(wire)
        const reply = lab.ask(wire)
        assert.deepEqual(lab.panics, [])
        assert.deepEqual(wire, before, 'a query is borrowed')
        if (reply === undefined) return
        const { header, errors } = DNS.Packet.parse(reply)
        assert.deepEqual([header.id, header.qr], [before.readUInt16BE(0), 1])
        assert.deepEqual(errors, [])
        if (header.qdcount === 1) rcodes.add(recordsOf(reply, questionOf(reply)).rcode)
        else assert.ok(reply.length === 12 && header.rcode !== 0)
      }),
      { numRuns: 3000, seed: 5 },
    )
    assert.deepEqual(
      [...rcodes].sort((x, y) => x - y),
      [0, 1, 4, 5, 16],
    )
  })
})
