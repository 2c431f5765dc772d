import { write16, write32 } from '../../src/wire/bytes.ts'
import { Class, Type } from '../../src/wire/codes.ts'
import { HEADER_SIZE, Section, writeCount, writeFlags, writeId } from '../../src/wire/header.ts'
import { textToName } from '../../src/wire/name.ts'
import { parseQuestion, Question } from '../../src/wire/question.ts'
import { Records, scanRecords } from '../../src/wire/records.ts'

/** A record to put into a message. `data` as octets, or the name it consists of. */
export interface TestRecord {
  readonly name: string
  readonly type: number
  readonly class?: number
  readonly ttl?: number
  readonly data: Buffer | string
}

export interface TestMessage {
  readonly id?: number
  readonly flags?: number
  readonly name?: string
  readonly type?: number
  readonly class?: number
  readonly answer?: readonly TestRecord[]
  readonly authority?: readonly TestRecord[]
  readonly additional?: readonly TestRecord[]
}

/** A name on the wire, uncompressed. */
export function wireName(text: string): Buffer {
  const out = Buffer.alloc(255)
  const end = textToName(text, out, 0)
  if (end < 0) throw new RangeError(`Cannot write name ${text}`)
  return out.subarray(0, end)
}

function words(...values: readonly number[]): Buffer {
  const out = Buffer.alloc(2 * values.length)
  values.forEach((value, i) => write16(out, 2 * i, value))
  return out
}

function wireRecord(record: TestRecord): Buffer {
  const data = typeof record.data === 'string' ? wireName(record.data) : record.data
  const ttl = Buffer.alloc(4)
  write32(ttl, 0, record.ttl ?? 60)
  const fixed = [words(record.type, record.class ?? Class.IN), ttl, words(data.length)]
  return Buffer.concat([wireName(record.name), ...fixed, data])
}

/** A message built octet by octet, independent of the code that reads it but for names. */
export function message(m: TestMessage): Buffer {
  const sections = [m.answer ?? [], m.authority ?? [], m.additional ?? []]
  const header = Buffer.alloc(HEADER_SIZE)
  writeId(header, m.id ?? 0x1234)
  writeFlags(header, m.flags ?? 0x8180)
  writeCount(header, Section.Question, 1)
  writeCount(header, Section.Answer, sections[0]!.length)
  writeCount(header, Section.Authority, sections[1]!.length)
  writeCount(header, Section.Additional, sections[2]!.length)
  const question = [wireName(m.name ?? 'www.example.com'), words(m.type ?? Type.A, m.class ?? 1)]
  return Buffer.concat([header, ...question, ...sections.flat().map(wireRecord)])
}

export function a(name: string, ttl = 60): TestRecord {
  return { name, type: Type.A, ttl, data: Buffer.from([192, 0, 2, 1]) }
}

export function cname(name: string, target: string, ttl = 60): TestRecord {
  return { name, type: Type.CNAME, ttl, data: target }
}

export function ns(name: string, target: string): TestRecord {
  return { name, type: Type.NS, data: target }
}

export function soa(name: string, ttl: number, minimum: number): TestRecord {
  const times = Buffer.alloc(20)
  write32(times, 16, minimum)
  return { name, type: Type.SOA, ttl, data: Buffer.concat([Buffer.alloc(2), times]) }
}

/** An RRSIG over A, signed by the root, valid between two Unix times. */
export function rrsig(name: string, inception: number, expiration: number): TestRecord {
  const data = Buffer.alloc(18 + 1 + 64)
  write16(data, 0, Type.A)
  write32(data, 8, expiration)
  write32(data, 12, inception)
  return { name, type: Type.RRSIG, data }
}

export interface TestOpt {
  readonly size?: number
  readonly extendedRcode?: number
  readonly version?: number
  readonly dnssecOk?: boolean
  readonly options?: Buffer
}

export function opt(o: TestOpt = {}): TestRecord {
  const ttl =
    (o.extendedRcode ?? 0) * 2 ** 24 + (o.version ?? 0) * 2 ** 16 + (o.dnssecOk ? 0x8000 : 0)
  return {
    name: '.',
    type: Type.OPT,
    class: o.size ?? 1232,
    ttl,
    data: o.options ?? Buffer.alloc(0),
  }
}

/** An EDNS option. */
export function option(code: number, data: Buffer): Buffer {
  return Buffer.concat([words(code, data.length), data])
}

/** The parsed question of a message; the status is for the caller to check where it matters. */
export function questionOf(b: Buffer): Question {
  const question = new Question()
  parseQuestion(b, b.length, question)
  return question
}

/** The records of a message, as above. */
export function recordsOf(b: Buffer, question: Question = questionOf(b)): Records {
  const records = new Records()
  scanRecords(b, b.length, question, records)
  return records
}
