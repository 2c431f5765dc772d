// Blocks with and without `bind` on one port: each query meets the block that node-cache would take.
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { Daemon } from '../../src/daemon/daemon.ts'
import { ByteBudget } from '../../src/lib/byte-budget.ts'
import { Clock } from '../../src/lib/clock.ts'
import { chooseUdpBackend } from '../../src/net/backend.ts'
import { NetCounters } from '../../src/net/counters.ts'
import { Listeners } from '../../src/net/listeners.ts'
import { knownDirectives } from '../../src/plugins/index.ts'
import { CorefileSource } from '../../src/source/corefile-source.ts'
import { nameText } from '../../src/wire/question.ts'
import { plainHttp } from '../helpers/http.ts'
import { temporaryFolder } from '../helpers/nsd.ts'
import { nullLog } from '../helpers/null-log.ts'
import { freePort } from '../helpers/ports.ts'
import { query, tcpClient, udpClient } from '../net/clients.ts'
import { a, message, questionOf, recordsOf } from '../wire/message.ts'

/** Upstreams that can be told apart by the TTL of their answers. */
async function upstream(t: TestContext, ttl: number): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  t.after(() => socket.close())
  socket.on('message', (wire, from) => {
    const name = nameText(wire, questionOf(wire), true)
    const reply = message({
      id: wire.readUInt16BE(0),
      name,
      flags: 0x8180,
      answer: [a(name, ttl)],
    })
    socket.send(reply, from.port, from.address)
  })
  return socket.address().port
}

interface Scene {
  readonly reload: (corefile: string) => Promise<void>
  /** The TTL of the answer, the same over UDP from ten ports and TCP, or the rcode's name. */
  readonly ask: (address: string, name: string) => Promise<number | 'REFUSED'>
}

async function open(t: TestContext, port: number, corefile: string): Promise<Scene> {
  const file = join(temporaryFolder(t), 'Corefile')
  writeFileSync(file, corefile)
  const clock = new Clock()
  const parts = { udp: chooseUdpBackend(process.env), counters: new NetCounters() }
  const daemon = await Daemon.start({
    source: new CorefileSource(file, { directives: knownDirectives, env: {}, warn: assert.fail }),
    port,
    clock,
    log: nullLog,
    memory: new ByteBudget(2 ** 20),
    http: plainHttp,
    listeners: new Listeners({ clock, log: nullLog, ...parts }),
    fatal: assert.fail,
  })
  t.after(() => daemon.stop())
  return {
    async reload(text) {
      const { hash } = daemon.corefile
      writeFileSync(file, text)
      await daemon.reload()
      assert.notEqual(daemon.corefile.hash, hash)
    },
    async ask(address, name) {
      const replies: Buffer[] = []
      for (let id = 1; id <= 10; id++) {
        const client = await udpClient(t, { address, port })
        client.send(query({ id, name }))
        await client.wait(1)
        replies.push(client.replies[0]!.wire)
      }
      const tcp = await tcpClient(t, { address, port })
      tcp.send(query({ id: 11, name }))
      await tcp.wait(1)
      tcp.socket.destroy()
      const found = new Set([...replies, tcp.replies[0]!].map(outcome))
      assert.equal(found.size, 1, `${name} at ${address}: ${[...found].join(' and ')}`)
      return [...found][0]!
    },
  }
}

function outcome(wire: Buffer): number | 'REFUSED' {
  if ((wire[3]! & 15) === 5) return 'REFUSED'
  assert.equal(wire[3]! & 15, 0)
  return wire.readUInt32BE(recordsOf(wire).ttlAt[0] ?? 0)
}

const BOUND = 300
const UNBOUND = 200

test('a block without bind beside bound ones', async (t) => {
  const port = await freePort()
  const [one, two] = [await upstream(t, BOUND), await upstream(t, UNBOUND)]
  const bound = `cluster.local .:${port} {\n  bind 127.0.0.2\n  forward . 127.0.0.1:${one} {\n    prefer_udp\n  }\n}\n`
  const unbound = `consul {\n  forward . 127.0.0.1:${two} {\n    prefer_udp\n  }\n}\n`
  const scene = await open(t, port, bound + unbound)
  assert.equal(await scene.ask('127.0.0.2', 'a.cluster.local'), BOUND)
  // Its address is bound, so that this block has it, the longer zone of the other notwithstanding.
  assert.equal(await scene.ask('127.0.0.2', 'a.consul'), BOUND)
  assert.equal(await scene.ask('127.0.0.1', 'a.consul'), UNBOUND)
  assert.equal(await scene.ask('127.0.0.1', 'a.cluster.local'), 'REFUSED')

  await scene.reload(unbound)
  assert.equal(await scene.ask('127.0.0.1', 'a.consul'), UNBOUND)
  await scene.reload(unbound + bound)
  assert.equal(await scene.ask('127.0.0.2', 'a.consul'), BOUND)
  assert.equal(await scene.ask('127.0.0.1', 'a.consul'), UNBOUND)
})
