// Row 10: another process of the same user binds the port with SO_REUSEPORT and gets a part of all queries.
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { describe, test } from 'node:test'

import { requireTools } from '../helpers/debian.ts'
import { type Owner, type Running, startProcess, waitUntil } from '../helpers/processes.ts'
import { askTcp, startVictim } from './victim.ts'

const skip = requireTools('nsd')

/** Binds the port as CoreDNS does, and says over which protocols it could. */
const STRANGER = `const [port] = process.argv.slice(1).map(Number)
const host = '127.0.0.1'
const udp = require('node:dgram').createSocket({ type: 'udp4', reusePort: true })
const tcp = require('node:net').createServer(() => {})
const say = (what) => (error) => console.log(what, error?.code ?? 'bound')
udp.on('error', say('udp')).bind(port, host, () => say('udp')())
tcp.on('error', say('tcp')).listen({ port, host, reusePort: true }, () => say('tcp')())
setInterval(() => {}, 1e6)`

const WORDS = /(udp|tcp) (?!bound)/g

/** Starts one and waits until it has said what became of it. */
async function startStranger(owner: Owner, port: number): Promise<Running> {
  const stranger = startProcess(owner, process.execPath, ['-e', STRANGER, String(port)])
  const said = (): number => [...stranger.output().matchAll(/(udp|tcp) \w+/g)].length
  await waitUntil('it has tried both', () => said() === 2, stranger)
  return stranger
}

/** Whether a stranger is kept out: not yet, in the moment after the sockets were bound. */
async function keptOut(owner: Owner, port: number): Promise<boolean> {
  const stranger = await startStranger(owner, port)
  const refused = [...stranger.output().matchAll(WORDS)].length === 2
  await stranger.stop()
  return refused
}

describe('a second process on the port', { skip }, () => {
  test('is kept out, over UDP and TCP, before a reload and after', async (t) => {
    const victim = await startVictim(t)
    await waitUntil('the port is its own', () => keptOut(t, victim.port))
    for (let i = 0; i < 3; i++) assert.equal(await keptOut(t, victim.port), true)
    const { process: daemon, corefile } = victim.dnslet
    writeFileSync(corefile, readFileSync(corefile, 'utf8').replace('cache 30', 'cache 60'))
    process.kill(daemon.pid, 'SIGUSR1')
    await waitUntil('the reload', () => daemon.output().includes('Reloading complete'), daemon)
    assert.equal(await keptOut(t, victim.port), true)
    assert.equal(await askTcp(victim.port), true)
    assert.equal(await victim.metric('dnslet_foreign_sockets'), 0)
  })

  for (const flag of ['-reuseport', '-skipteardown']) {
    test(`is named in the log and in the metrics with ${flag}, and said to be gone`, async (t) => {
      const victim = await startVictim(t, [flag])
      const { process: daemon } = victim.dnslet
      const stranger = await startStranger(t, victim.port)
      const name = `process ${stranger.pid} (`
      const told = `127.0.0.1:${victim.port} as well and gets a part of the queries: ${name}`
      await waitUntil('it is named', () => daemon.output().includes(told), daemon)
      const inMetrics = `process="${stranger.pid} (`
      assert.equal(await victim.metric('dnslet_foreign_sockets', inMetrics), 1)
      assert.equal(await victim.metric('dnslet_foreign_sockets', `user="${process.getuid?.()}"`), 1)
      await stranger.stop()
      const gone = (): boolean =>
        daemon.output().includes('No other process serves these addresses')
      await waitUntil('it is gone', gone, daemon)
      assert.equal(await victim.metric('dnslet_foreign_sockets'), 0)
    })
  }

  test('is let in by a dnslet that ends, before that is gone', async (t) => {
    const victim = await startVictim(t, [], 'lameduck 5s')
    await waitUntil('the port is its own', () => keptOut(t, victim.port))
    process.kill(victim.dnslet.process.pid, 'SIGTERM')
    await waitUntil('the port is free for all', async () => !(await keptOut(t, victim.port)))
    assert.equal(victim.dnslet.process.ended(), null)
  })
})
