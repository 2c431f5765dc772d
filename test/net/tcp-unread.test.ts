import assert from 'node:assert/strict'
import { test } from 'node:test'

import { NetCounters, TcpEnd } from '../../src/net/counters.ts'
import { openTcp } from '../../src/net/tcp.ts'
import { Descriptors } from '../../src/sys/descriptors.ts'
import { LinesLog } from '../helpers/lines-log.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { eventually } from '../helpers/eventually.ts'
import { query, tcpClient } from './clients.ts'
import { testServer } from './test-server.ts'

const CLIENTS = 30
/** Answers of 65,535 octets: less than would end a connection by itself. */
const EACH = 29

test('who has most unread answers is cut where those of all pile up, on whichever listener', async (t) => {
  const counters = new NetCounters()
  const log = new LinesLog()
  const open = async () => {
    const dispatcher = testServer()
    const options = { host: '127.0.0.1', port: 0, clock: new ManualClock(), dispatcher, counters }
    const listener = await openTcp({ ...options, descriptors: new Descriptors(), log })
    t.after(() => listener.drain(0))
    return { dispatcher, at: { address: '127.0.0.1', port: listener.port } }
  }
  const [hostile, decent] = [await open(), await open()]
  const reader = await tcpClient(t, decent.at)
  reader.send(query({ name: 'hold.test' }))
  for (let i = 0; i < CLIENTS; i++) {
    const client = await tcpClient(t, hostile.at)
    client.socket.pause()
    client.send(...Array.from({ length: EACH }, (_, id) => query({ id, name: 'hold.test' })))
  }
  const { held } = hostile.dispatcher
  await eventually(() => held.length === CLIENTS * EACH, 'all are kept')
  await eventually(() => decent.dispatcher.held.length === 1, 'one is kept')
  // As the answer of an upstream that all have waited for: 57 MB at once.
  for (const q of held.splice(0)) {
    q.outLength = 65_535
    q.target.send(q, q.reserve().length)
  }
  const [one] = decent.dispatcher.held
  one!.outLength = 60_000
  one!.target.send(one!, 60_000)
  await reader.wait(1)
  await eventually(() => counters.tcpEnds[TcpEnd.Overflow]! >= 12, 'half are gone')
  assert.ok(counters.tcpEnds[TcpEnd.Overflow]! < CLIENTS, 'and the others are not')
  assert.equal(log.lines.filter((line) => line.includes('do not read')).length, 1)
})
