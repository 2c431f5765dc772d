import dns, { type Packet } from 'dns2'

import type { Answer } from './in-order-server.ts'
import { writeReply } from './manners.ts'
import { type Finding, lookUp } from './zone.ts'

const HEADER_SIZE = 12
/** QR in the third octet of a message. */
const RESPONSE = 0x80

const Rcode = { FormErr: 1, NotImp: 4, Refused: 5 } as const
const { CLASS } = dns.Packet

/** What a server knows of a name, for a question of class IN. */
export type LookUp = (name: string, type: number) => Finding

/** Answers for the demo's zones; what is no query gets none. */
export const answer: Answer = answerFrom(lookUp)

/** Answers as CoreDNS would who finds in its zones what `find` does; what is no query gets none. */
export function answerFrom(find: LookUp): Answer {
  return (query, transport) => {
    if (query.length < HEADER_SIZE || (query[2]! & RESPONSE) !== 0) return null
    const request = dns.Packet.parse(query)
    return writeReply(request, respond(request, find), transport)
  }
}

/**
 * The reply to a request, without OPT. dns2 reads and writes messages, no more: flags, rcodes and EDNS
 * are up to the caller. (It splits a label that contains a dot, so such a name comes back changed.)
 */
function respond(request: Packet, find: LookUp): Packet {
  const response = dns.Packet.createResponseFromRequest(request)
  const { header } = response
  response.additionals = []

  const question = request.questions[0]
  if (header.opcode !== 0) header.rcode = Rcode.NotImp
  else if (request.errors.length > 0) header.rcode = Rcode.FormErr
  else if (question === undefined || request.questions.length > 1) header.rcode = Rcode.FormErr
  else if (question.class !== CLASS.IN) header.rcode = Rcode.Refused
  else {
    const found = find(question.name, question.type)
    header.rcode = found.rcode
    header.aa = found.rcode === Rcode.Refused ? 0 : 1
    response.answers = [...found.answers]
    response.authorities = [...found.authorities]
    response.additionals = [...found.additionals]
  }
  return response
}
