// A name server of the soak: `node kube-dns-main.ts WHO ADDRESS PORT`, where WHO is the number of a kube-dns pod,
// or `outside` for the one beyond the cluster. It says `ready`, and each second what it was asked so far.
import { answerFrom } from '../../src/commands/demo/answer.ts'
import { type Answer, InOrderServer } from '../../src/commands/demo/in-order-server.ts'
import { findFromPod, findOutside, outsideMs } from './zone.ts'

/** Answers that are kept: as a CoreDNS with a cache does, and so that the soak measures others. */
const MOST_KEPT = 50_000

const [who = '', address = '', port = ''] = process.argv.slice(2)
const place = { address, port: Number(port) }
const server =
  who === 'outside'
    ? await InOrderServer.open(keeping(answerFrom(findOutside)), { ...place, serviceMs: outsideMs })
    : await InOrderServer.open(
        keeping(answerFrom((name, type) => findFromPod(Number(who), name, type))),
        place,
      )
console.log('ready')
setInterval(() => console.log(JSON.stringify(server.counts)), 1000)

/** The same answers, each made once. */
function keeping(answer: Answer): Answer {
  const kept = new Map<string, Buffer>()
  return (query, transport) => {
    const key = query.toString('latin1', 2) + transport
    const known = kept.get(key)
    if (known !== undefined) {
      const copy = Buffer.from(known)
      query.copy(copy, 0, 0, 2)
      return copy
    }
    const made = answer(query, transport)
    if (kept.size === MOST_KEPT) kept.clear()
    if (Buffer.isBuffer(made)) kept.set(key, made)
    return made
  }
}
