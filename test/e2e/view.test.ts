import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { Type } from '../../src/wire/codes.ts'
import { nameText } from '../../src/wire/question.ts'
import { dig } from '../helpers/dig.ts'
import { startDnslet } from '../helpers/dnslet.ts'
import { freePort } from '../helpers/ports.ts'
import { waitUntil } from '../helpers/processes.ts'
import { type Script, startScripted } from '../upstream/scripted.ts'
import { a, message, questionOf } from '../wire/message.ts'

/** Answers every A question with its address. */
function saying(ttl: number): Script {
  return ({ reply, wire }) => {
    const question = questionOf(wire)
    const name = nameText(wire, question)
    const { type } = question
    const answer = type === Type.A ? [a(name, ttl)] : []
    reply(message({ id: wire.readUInt16BE(0), name, type, answer }))
  }
}

test('clients get the answers of their view, misses and hits alike', async (t) => {
  const [inside, outside] = [
    await startScripted(t, saying(600)),
    await startScripted(t, saying(60)),
  ]
  const [port, metrics] = [await freePort(), await freePort()]
  const server = { address: '127.0.0.1', port }
  const block = (zone: string, lines: string, upstream: number): string => `${zone}:${port} {
    bind 127.0.0.1
    ${lines}
    metadata
    log . "from {remote}: {name} view {/view/name} upstream {/forward/upstream}"
    prometheus 127.0.0.1:${metrics}
    cache
    forward . 127.0.0.1:${upstream}
  }\n`
  const views =
    block('.', "view inside {\n expr incidr(client_ip(), '127.0.1.0/24')\n }", inside.port) +
    block('.', "view strangers {\n expr incidr(client_ip(), '127.0.9.0/24')\n }", outside.port)
  const daemon = await startDnslet(t, views + block('.', '', outside.port), {
    ready: server,
    args: ['-log-format', 'text'],
  })
  const ttls = async (...clients: readonly string[]): Promise<(number | string | undefined)[]> => {
    const answers = clients.map(async (client) => {
      const { answer, status } = await dig(server, '-b', client, 'www.test', 'A')
      return status === 'NOERROR' ? answer[0]?.ttl : status
    })
    return Promise.all(answers)
  }
  const clients = ['127.0.1.7', '127.0.9.7', '127.0.0.1']
  for (const round of ['miss', 'hit']) {
    assert.deepEqual(
      (await ttls(...clients)).map((ttl) => Math.ceil(Number(ttl) / 60) * 60),
      [600, 60, 60],
      round,
    )
  }
  const text = await (await fetch(`http://127.0.0.1:${metrics}/metrics`)).text()
  const at = `server="dns://127.0.0.1:${port}"`
  for (const name of ['inside', 'strangers', '']) {
    const labels = `{family="1",proto="udp",${at},type="A",view="${name}",zone="."}`
    assert.match(text, new RegExp(`^coredns_dns_requests_total${labels} [2-9]`, 'm'))
    // Where dnslet was slow to start it has been asked for more than once.
    const hits = `coredns_cache_hits_total{${at},type="success",view="${name}",zones="."}`
    assert.match(text, new RegExp(`^${hits} ${name === '' ? '[1-9]' : '1$'}`, 'm'))
  }
  assert.ok(text.includes(`coredns_plugin_enabled{name="view",${at},view="inside",zone="."} 1`))

  const said = (line: string): boolean => daemon.process.output().includes(line)
  const to = `127.0.0.1:${inside.port}`
  await waitUntil('the log', () =>
    Promise.resolve(said('from 127.0.1.7: www.test. view inside upstream -')),
  )
  assert.ok(said(`from 127.0.1.7: www.test. view inside upstream ${to}\n`))
  assert.ok(said('from 127.0.0.1: www.test. view - upstream -'))

  writeFileSync(daemon.corefile, views)
  process.kill(daemon.process.pid, 'SIGUSR1')
  await waitUntil('REFUSED', async () => (await ttls('127.0.0.1'))[0] === 'REFUSED')
  assert.deepEqual((await ttls('127.0.2.1', '127.0.10.1')).flat(), ['REFUSED', 'REFUSED'])
  assert.equal(Math.ceil(Number((await ttls('127.0.1.7'))[0]) / 60), 10)
})
