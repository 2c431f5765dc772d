import type { Asked } from '../../src/load/message.ts'
import { rcodeName, typeName } from '../../src/wire/codes.ts'
import { recordText } from '../../src/wire/presentation/record-text.ts'
import { Records, scanRecords } from '../../src/wire/records.ts'
import { WireStatus } from '../../src/wire/status.ts'
import { dataText, findAnywhere, MAX_TTL } from './zone.ts'

const records = new Records()

/**
 * What is wrong with the answer to a question, '' where it is what the zones say: its rcode, every record, and
 * for what does not exist an SOA without which nobody may keep it (RFC 2308 §5).
 *
 * @param name what was asked for, as `asked` has it
 * @param bytes the message, `length` octets long, with the question's id and question
 */
export function fault(bytes: Buffer, length: number, name: string, asked: Asked): string {
  if ((bytes[2]! & 2) !== 0) return 'truncated'
  if (scanRecords(bytes, length, asked.question, records) !== WireStatus.Ok) return 'malformed'
  const { rcode, wanted } = expectationOf(name, asked.type)
  if (records.rcode !== rcode) return rcodeName(records.rcode)
  const got: string[] = []
  for (let i = 0; i < records.answerCount; i++) {
    const [owner = '', ttl, ...rest] = recordText(bytes, records, i).split(' ')
    if (Number(ttl) > MAX_TTL) return `a TTL of ${ttl}`
    got.push(`${owner.toLowerCase()} ${rest.join(' ')}`)
  }
  if (wanted.length === got.length && sameSet(wanted, got)) {
    return wanted.length > 0 || records.hasAuthoritySoa ? '' : 'no SOA'
  }
  return `${got.join(', ') || 'no record'} in place of ${wanted.join(', ') || 'none'}`
}

/** What the zones say to a question: the rcode, and every record of the answer without its TTL. */
interface Expectation {
  readonly rcode: number
  readonly wanted: readonly string[]
}

/** Those that were looked up already; most names come again. */
const known = new Map<string, Expectation>()
const MOST_KNOWN = 20_000

function expectationOf(name: string, type: number): Expectation {
  const key = `${name} ${type}`
  const before = known.get(key)
  if (before !== undefined) return before
  const { answers, rcode } = findAnywhere(name, type)
  const wanted = answers.map((answer) => {
    return `${answer.name}. IN ${typeName(answer.type)} ${dataText(answer)}`
  })
  if (known.size === MOST_KNOWN) known.clear()
  const found = { rcode, wanted }
  known.set(key, found)
  return found
}

function sameSet(wanted: readonly string[], got: readonly string[]): boolean {
  return wanted.every((text) => got.includes(text))
}
