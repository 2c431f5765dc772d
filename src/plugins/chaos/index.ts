import { hostname } from 'node:os'
import { type Directive, read, unknownProperty } from '../../corefile/directive.ts'
import { version } from '../../lib/version.ts'
import type { Handler, Plugin, Stage } from '../../serve/plugin.ts'
import type { Query } from '../../serve/query.ts'
import { addRecord, beginReply, endReply } from '../../serve/reply-writer.ts'
import { ZoneTable } from '../../serve/zone-table.ts'
import { Class, Rcode, Type } from '../../wire/codes.ts'
import { HEADER_SIZE, Section } from '../../wire/header.ts'
import { MAX_NAME, textToName } from '../../wire/name.ts'

const TTL = 0
/** A string of a TXT record has one octet for its length (RFC 1035 §3.3). */
const MAX_TEXT = 255

/** The TXT records of a name. */
interface Texts {
  /** Octets of the name: names below it are not it. */
  readonly size: number
  readonly records: Uint8Array[]
}

/** `chaos`: version, host and authors of the server, for questions of class CH. */
export const chaos: Plugin = {
  name: 'chaos',
  changesAnswers: false,
  classes: 'all',
  setup(directives): Stage {
    const texts = readTexts(directives[0]!)
    return {
      wrap: (next: Handler, done: Handler): Handler => {
        return (q) => {
          const { question, wire } = q
          const asks = question.class === Class.CH && question.type === Type.TXT
          const found = asks ? texts.find(wire, question) : undefined
          if (found === undefined || question.nameEnd - HEADER_SIZE !== found.size) {
            next(q)
            return
          }
          answer(q, found.records)
          done(q)
        }
      },
    }
  },
}

function answer(q: Query, records: Uint8Array[]): void {
  // As CoreDNS has it, without AA.
  beginReply(q, Rcode.NoError, 0)
  shuffle(records)
  for (const data of records) {
    if (!addRecord(q, Section.Answer, null, Type.TXT, TTL, data, Class.CH)) break
  }
  endReply(q, 'chaos')
}

/** Only the first occurrence is looked at, as in CoreDNS. */
function readTexts(directive: Directive): ZoneTable<Texts> {
  read(directive, {}, { unknown: unknownProperty })
  const [given, ...others] = directive.args.map(({ text }) => text)
  const authors = others.length === 0 ? ['dnslet'] : [...new Set(others)].toSorted()
  const table = new ZoneTable<Texts>()
  const add = (name: string, texts: readonly string[]): void => {
    const size = textToName(name, new Uint8Array(MAX_NAME), 0)
    table.add(name, { size, records: texts.map(txtData) })
  }
  add('authors.bind.', authors)
  for (const name of ['version.bind.', 'version.server.']) {
    add(name, [given ?? `dnslet-${version()}`])
  }
  for (const name of ['hostname.bind.', 'id.server.']) add(name, [hostname()])
  return table
}

function txtData(text: string): Uint8Array {
  const octets = Buffer.from(text).subarray(0, MAX_TEXT)
  return Buffer.concat([Buffer.from([octets.length]), octets])
}

/** Fisher and Yates. */
function shuffle(records: Uint8Array[]): void {
  for (let i = records.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1))
    const other = records[j]!
    records[j] = records[i]!
    records[i] = other
  }
}
