// A name server of the soak: `node kube-dns-main.ts WHO ADDRESS PORT`, where WHO is the number of a kube-dns pod,
// or `outside` for the one beyond the cluster. It says `ready`, and each second what it was asked so far.
import { answerFrom } from '../../src/commands/demo/answer.ts'
import { InOrderServer } from '../../src/commands/demo/in-order-server.ts'
import { findInCluster, findOutside, outsideMs } from './zone.ts'

const [who = '', address = '', port = ''] = process.argv.slice(2)
const place = { address, port: Number(port) }
const server =
  who === 'outside'
    ? await InOrderServer.open(answerFrom(findOutside), { ...place, serviceMs: outsideMs })
    : await InOrderServer.open(
        answerFrom((name, type) => findInCluster(Number(who), name, type)),
        place,
      )
console.log('ready')
setInterval(() => console.log(JSON.stringify(server.counts)), 1000)
