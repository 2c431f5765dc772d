import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { answersQuestion, classify, ResponseKind } from '../../src/wire/classify.ts'
import { Edns, readQueryOpt } from '../../src/wire/edns.ts'
import { gate } from '../../src/wire/gate.ts'
import { parseQuestion, Question } from '../../src/wire/question.ts'
import { Records, scanRecords, stripOpt } from '../../src/wire/records.ts'
import { WireStatus } from '../../src/wire/status.ts'
import { truncate } from '../../src/wire/truncate.ts'

const directory = new URL('../corpus/', import.meta.url)

/** One packet of the corpus: a comment `# Status: why`, then octets in hex. */
interface Packet {
  readonly file: string
  readonly expected: string
  readonly why: string
  readonly octets: Buffer
}

const packets: readonly Packet[] = readdirSync(directory)
  .filter((file) => file.endsWith('.hex'))
  .map((file) => {
    const content = readFileSync(new URL(file, directory), 'utf8')
    const comment = /^# (\w+): (.+)\n/.exec(content)
    assert.ok(comment, `${file} begins with its expected status`)
    const octets = Buffer.from(content.slice(comment[0].length).replaceAll(/\s/g, ''), 'hex')
    return { file, expected: comment[1]!, why: comment[2]!, octets }
  })

const question = new Question()
const edns = new Edns()
const records = new Records()

/** The status of a query, by the steps a server takes. */
function judgeQuery(b: Buffer, length: number): WireStatus {
  const gated = gate(b, length)
  if (gated !== WireStatus.Ok) return gated
  const parsed = parseQuestion(b, length, question)
  return parsed === WireStatus.Ok ? readQueryOpt(b, length, question, edns) : parsed
}

/** The status of a reply, by the steps a cache takes. */
function judgeReply(b: Buffer, length: number): WireStatus {
  const parsed = parseQuestion(b, length, question)
  if (parsed !== WireStatus.Ok) return parsed
  return scanRecords(b, length, question, records)
}

function judge(packet: Packet, length = packet.octets.length): WireStatus {
  return packet.file.startsWith('reply-')
    ? judgeReply(packet.octets, length)
    : judgeQuery(packet.octets, length)
}

describe('corpus', () => {
  for (const packet of packets) {
    test(`${packet.file}: ${packet.why}`, () => {
      const expected = Object.entries(WireStatus).find(([name]) => name === packet.expected)
      assert.ok(expected, packet.expected)
      assert.equal(judge(packet), expected[1])
    })
  }

  test('no packet becomes acceptable or fatal by being cut short', () => {
    for (const packet of packets) {
      const whole = judge(packet)
      const end = packet.file.startsWith('reply-') ? records.end : packet.octets.length
      for (let length = 0; length < packet.octets.length; length++) {
        if (judge(packet, length) !== WireStatus.Ok) continue
        // Only octets behind the message can be missed without harm, or whole records of a query.
        if (packet.file.startsWith('reply-')) assert.ok(whole === WireStatus.Ok && length >= end)
        else assert.ok(whole === WireStatus.Ok || length >= question.end, packet.file)
      }
    }
  })

  test('octets behind the given length are never looked at', () => {
    for (const packet of packets) {
      for (const filler of [0x00, 0xc0, 0xff]) {
        const padded = {
          ...packet,
          octets: Buffer.concat([packet.octets, Buffer.alloc(600, filler)]),
        }
        assert.equal(judge(padded, packet.octets.length), judge(packet), packet.file)
      }
    }
  })

  test('every acceptable reply can be classified, stripped and truncated', () => {
    const replies = packets.filter((p) => p.file.startsWith('reply-') && p.expected === 'Ok')
    assert.ok(replies.length > 5)
    for (const { octets, file } of replies) {
      for (let limit = 0; limit <= octets.length; limit++) {
        const b = Buffer.from(octets)
        assert.equal(judgeReply(b, b.length), WireStatus.Ok, file)
        assert.ok(classify(b, question, records, 0) <= ResponseKind.OtherError)
        answersQuestion(b, question, records)
        stripOpt(b, records)
        const length = truncate(b, records, question, limit)
        assert.equal(judgeReply(b, length), WireStatus.Ok, file)
        assert.equal(records.optAt, -1)
      }
    }
  })

  test('65,535 octets of anything are judged without delay', () => {
    const longest = Buffer.alloc(65535)
    const header = Buffer.from('1a2b81800001ffffffffffff000001000100', 'hex')
    const started = process.cpuUsage()
    for (const pattern of [
      Buffer.from([0]),
      Buffer.from([0xc0, 12]),
      Buffer.from([0x3f]),
      Buffer.from([0xff]),
    ]) {
      longest.fill(pattern)
      header.copy(longest)
      judgeReply(longest, longest.length)
      longest[2] = 0x01
      judgeQuery(longest, longest.length)
    }
    const { user } = process.cpuUsage(started)
    assert.ok(user < 1_000_000, `${user} µs`)
  })
})
