import type { Handler, Plugin, Stage } from '../../serve/plugin.ts'
import { addRecord, beginReply, endReply } from '../../serve/reply-writer.ts'
import { ZoneTable } from '../../serve/zone-table.ts'
import { write16, write32 } from '../../wire/bytes.ts'
import { Class, Type } from '../../wire/codes.ts'
import { Section } from '../../wire/header.ts'
import { MAX_NAME, textToName } from '../../wire/name.ts'
import { readZones } from './config.ts'

/** Seconds for which a denial may be kept: what a SOA record says twice (RFC 2308 §5). */
const TTL = 30
/** Serial, and intervals that mean nothing where no zone is transferred: refresh, retry, expire. */
const NUMBERS = [1, 3600, 1200, 604_800, TTL]
const POINTER = 0xc000
/** A compression pointer to the zone in the question's name. */
const owner = new Uint8Array(2)
const SOA = soaData('localhost.', 'nobody.invalid.')

/** `no_aaaa`: no name has an IPv6 address, and clients may remember that. */
export const no_aaaa: Plugin = {
  name: 'no_aaaa',
  changesAnswers: false,
  setup(directives, block): Stage {
    const log = block.services.log.plugin('no_aaaa')
    const zones = readZones(directives, block.zones, (message) => log.warning(message))
    /** Octets of each zone's name, with which the names in it end. */
    const sizes = new ZoneTable<number>()
    for (const zone of zones) sizes.add(zone, wireName(zone).length)
    return {
      wrap: (next: Handler, done: Handler): Handler => {
        return (q) => {
          const { question } = q
          const asksForIPv6 = question.type === Type.AAAA && question.class === Class.IN
          const size = asksForIPv6 ? sizes.find(q.wire, question) : undefined
          if (size === undefined) {
            next(q)
            return
          }
          beginReply(q)
          write16(owner, 0, POINTER | (question.nameEnd - size))
          addRecord(q, Section.Authority, owner, Type.SOA, TTL, SOA)
          endReply(q, 'no_aaaa')
          done(q)
        }
      },
      explain: ({ question, wire }) => {
        const isMeant = question.type === Type.AAAA && question.class === Class.IN
        const ends = isMeant && sizes.find(wire, question) !== undefined
        return { says: ends ? ['answers NODATA to AAAA'] : [], ends }
      },
      describe: () => [`no AAAA records in ${zones.join(' ')}`],
    }
  },
}

function soaData(server: string, mailbox: string): Uint8Array {
  const numbers = new Uint8Array(4 * NUMBERS.length)
  for (const [i, number] of NUMBERS.entries()) write32(numbers, 4 * i, number)
  return Buffer.concat([wireName(server), wireName(mailbox), numbers])
}

/** @param name a domain name in presentation format */
function wireName(name: string): Uint8Array {
  const out = new Uint8Array(MAX_NAME)
  return out.slice(0, textToName(name, out, 0))
}
