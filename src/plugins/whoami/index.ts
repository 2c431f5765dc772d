import { argumentError, countArgs, type Directive, inPlugin } from '../../corefile/directive.ts'
import { parseIp } from '../../corefile/ip.ts'
import { unmapped } from '../../lib/address.ts'
import type { Handler, Plugin, Stage } from '../../serve/plugin.ts'
import { Protocol, type Query } from '../../serve/query.ts'
import { addRecord, beginReply, endReply } from '../../serve/reply-writer.ts'
import { write16 } from '../../wire/bytes.ts'
import { Type } from '../../wire/codes.ts'
import { HEADER_SIZE, Section } from '../../wire/header.ts'
import { MAX_NAME } from '../../wire/name.ts'

const TTL = 0
const UDP = Buffer.from('\x04_udp')
const TCP = Buffer.from('\x04_tcp')
/** Priority, weight, port, and the root for a target. */
const SRV_SIZE = 7
const PORT_AT = 4

/** `whoami`: tells clients where they ask from. It stands last in its block, and passes nothing on. */
export const whoami: Plugin = {
  name: 'whoami',
  changesAnswers: true,
  setup(directives): Stage {
    readNothing(directives[0]!)
    return {
      wrap: (_next: Handler, done: Handler): Handler => {
        return (q) => {
          beginReply(q)
          addClient(q)
          endReply(q, 'whoami')
          done(q)
        }
      },
    }
  },
}

/** Only the first occurrence is looked at, as in CoreDNS. */
function readNothing(directive: Directive): void {
  const { name, options } = directive
  inPlugin(name, () => {
    countArgs(directive, 0, 0)
    if (options !== null) throw argumentError({ ...name, text: '{' })
  })
}

function addClient(q: Query): void {
  const { question, target, wire } = q
  const [host = ''] = unmapped(target.remoteAddress(q)).split('%')
  const address = parseIp(host)
  if (address !== null) {
    const type = address.length === 4 ? Type.A : Type.AAAA
    addRecord(q, Section.Additional, null, type, TTL, address, question.class)
  }
  const label = target.protocol === Protocol.Udp ? UDP : TCP
  const owner = Buffer.concat([label, wire.subarray(HEADER_SIZE, question.nameEnd)])
  if (owner.length > MAX_NAME) return
  const data = new Uint8Array(SRV_SIZE)
  write16(data, PORT_AT, target.remotePort(q))
  addRecord(q, Section.Additional, owner, Type.SRV, TTL, data, question.class)
}
