// Row 10: another process of the same user binds the port with SO_REUSEPORT and gets a part of all queries.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { requireTools } from '../helpers/debian.ts'
import { startProcess, waitUntil } from '../helpers/processes.ts'
import { askTcp, startVictim } from './victim.ts'

const skip = requireTools('nsd')

const STRANGER = `const socket = require('node:dgram').createSocket({ type: 'udp4', reusePort: true })
socket.bind(Number(process.argv[1]), '127.0.0.1', () => console.log('bound'))`

describe('a second process on the port', { skip }, () => {
  test('is named in the log and in the metrics, and said to be gone', async (t) => {
    const victim = await startVictim(t)
    const { process: daemon } = victim.dnslet
    const stranger = startProcess(t, process.execPath, ['-e', STRANGER, String(victim.port)])
    await waitUntil('it is bound', () => stranger.output().includes('bound'), stranger)
    const name = `process ${stranger.pid} (`
    const told = `127.0.0.1:${victim.port} as well and gets a part of the queries: ${name}`
    await waitUntil('it is named', () => daemon.output().includes(told), daemon)
    const inMetrics = `process="${stranger.pid} (`
    assert.equal(await victim.metric('dnslet_foreign_sockets', inMetrics), 1)
    assert.equal(await victim.metric('dnslet_foreign_sockets', `user="${process.getuid?.()}"`), 1)
    assert.equal(await askTcp(victim.port), true)
    await stranger.stop()
    const gone = (): boolean => daemon.output().includes('No other process serves these addresses')
    await waitUntil('it is gone', gone, daemon)
    assert.equal(await victim.metric('dnslet_foreign_sockets'), 0)
  })
})
