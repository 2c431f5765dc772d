import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { requireTools } from '../helpers/debian.ts'
import { dig } from '../helpers/dig.ts'
import { startDnslet } from '../helpers/dnslet.ts'
import { startNsd } from '../helpers/nsd.ts'
import { freePort } from '../helpers/ports.ts'
import { startUnbound } from '../helpers/unbound.ts'
import { startScripted } from '../upstream/scripted.ts'
import { a, cname, message } from '../wire/message.ts'

describe('records that no CNAME leads to', { skip: requireTools('dig', 'nsd', 'unbound') }, () => {
  test('are neither passed on nor stored', async (t) => {
    const upstream = await startScripted(t, ({ id, reply }) => {
      const answer = [cname('www.test', 'real.test'), a('victim.test', 86_400), a('real.test')]
      reply(message({ id, name: 'www.test', answer }))
    })
    const port = await freePort()
    const at = { address: '127.0.0.1', port }
    await startDnslet(
      t,
      `.:${port} {\nbind 127.0.0.1\ncache\nforward . 127.0.0.1:${upstream.port}\n}\n`,
      { ready: { ...at, name: 'www.test' } },
    )
    for (const how of ['+notcp', '+tcp']) {
      const { answer } = await dig(at, 'www.test', how)
      assert.deepEqual(
        answer.map(({ name }) => name),
        ['www.test.', 'real.test.'],
      )
    }
  })

  test('no answer of nsd and unbound loses one', async (t) => {
    const zone = `$ORIGIN test.
$TTL 60
@ SOA ns.test. admin.test. 1 60 60 60 60
@ NS ns
ns A 192.0.2.1
www A 192.0.2.2
www A 192.0.2.3
www TXT "x"
one CNAME two
two CNAME WWW
gone CNAME nowhere
old DNAME new
a.new A 192.0.2.4
b.new CNAME one
`
    const nsd = await startNsd(t, { 'test.': zone })
    const unbound = await startUnbound(
      t,
      [],
      [
        'server:',
        '  local-zone: "test." nodefault',
        'stub-zone:',
        '  name: "test."',
        `  stub-addr: 127.0.0.1@${nsd.port}`,
      ],
    )
    for (const behind of [nsd.port, unbound.port]) {
      const port = await freePort()
      const at = { address: '127.0.0.1', port }
      await startDnslet(t, `.:${port} {\nbind 127.0.0.1\nforward . 127.0.0.1:${behind}\n}\n`, {
        ready: { ...at, name: 'www.test' },
      })
      for (const question of [
        'www A',
        'one A',
        'gone A',
        'a.old A',
        'b.old A',
        'old DNAME',
        'www ANY',
        'x.old TXT',
      ]) {
        const [name, type] = question.split(' ')
        const ask = [`${name}.test`, type!, '+dnssec', '+tcp']
        const there = await dig({ ...at, port: behind }, ...ask)
        const here = await dig(at, ...ask)
        const records = ({ answer }: typeof here): string[] =>
          answer
            .map((record) => `${record.name} ${record.type} ${record.data}`.toLowerCase())
            .toSorted()
        assert.deepEqual(records(here), records(there), `${question} of ${behind}`)
      }
    }
  })
})
