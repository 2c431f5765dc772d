import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dig } from '../helpers/dig.ts'
import { startDnslet } from '../helpers/dnslet.ts'
import { freePort } from '../helpers/ports.ts'
import { startScripted } from '../upstream/scripted.ts'
import { a, message, questionOf } from '../wire/message.ts'
import { nameText } from '../../src/wire/question.ts'

test('template in a daemon, asked by dig', async (t) => {
  const upstream = await startScripted(t, ({ reply, wire }) => {
    const question = questionOf(wire)
    const name = nameText(wire, question)
    reply(message({ id: wire.readUInt16BE(0), name, type: question.type, answer: [a(name, 300)] }))
  })
  const server = { address: '127.0.0.1', port: await freePort() }
  const corefile = `.:${server.port} {
    bind 127.0.0.1
    template IN A example {
      match "^ip0a(?P<b>[a-f0-9]{2})(?P<c>[a-f0-9]{2})(?P<d>[a-f0-9]{2})[.]example[.]$"
      answer "{{ .Name }} 60 IN A 10.{{ parseInt .Group.b 16 8 }}.{{ parseInt .Group.c 16 8 }}.{{ parseInt .Group.d 16 8 }}"
      fallthrough
    }
    template ANY ANY invalid {
      rcode NXDOMAIN
      authority "invalid. 60 {{ .Class }} SOA ns.invalid. hostmaster.invalid. (1 60 60 60 60)"
      ederror 21 "Blocked according to RFC2606"
    }
    template IN ANY old.example {
      answer "{{ .Name }} 60 IN CNAME new.test."
    }
    template ANY HINFO . { rcode NXDOMAIN }
    cache 30
    forward . 127.0.0.1:${upstream.port}
  }`
  await startDnslet(t, corefile, { ready: server })
  for (const round of ['miss', 'hit']) {
    const shown = async (name: string): Promise<string[]> => {
      const { answer } = await dig(server, name, 'A')
      // A cached record may be some seconds older.
      const whole = (ttl: number): number => (ttl > 20 && ttl < 30 ? 30 : ttl)
      return answer.map(
        ({ data, name: owner, ttl, type }) => `${owner} ${whole(ttl)} ${type} ${data}`,
      )
    }
    assert.deepEqual(await shown('Ip0a0b0cff.example'), ['Ip0a0b0cff.example. 30 A 10.11.12.255'])
    assert.deepEqual(await shown('www.example'), ['www.example. 30 A 192.0.2.1'], round)
    assert.deepEqual(await shown('old.example'), [
      'old.example. 30 CNAME new.test.',
      'new.test. 30 A 192.0.2.1',
    ])
    const denied = await dig(server, 'x.invalid', 'MX')
    assert.equal(denied.status, 'NXDOMAIN')
    assert.match(denied.edns ?? '', /EDE: 21 \(Not Supported\): \(Blocked according to RFC2606\)/)
    assert.equal(denied.authority[0]?.data, 'ns.invalid. hostmaster.invalid. 1 60 60 60 60')
  }
  assert.equal((await dig(server, 'x.test', 'HINFO')).status, 'NXDOMAIN')
})
