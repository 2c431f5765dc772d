import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Type } from '../../src/wire/codes.ts'
import { nameText } from '../../src/wire/question.ts'
import { dig } from '../helpers/dig.ts'
import { startDnslet } from '../helpers/dnslet.ts'
import { freePort } from '../helpers/ports.ts'
import { type Script, startScripted } from '../upstream/scripted.ts'
import { a, cname, message, questionOf } from '../wire/message.ts'

/** Answers everything with one address; names below cdn.test by way of a CNAME. */
const upstreamSays: Script = ({ reply, wire }) => {
  const question = questionOf(wire)
  const name = nameText(wire, question)
  const { type } = question
  const records =
    type === Type.A
      ? name.startsWith('app.')
        ? [cname(name, 'edge.cdn.test'), a('edge.cdn.test')]
        : [a(name, 300)]
      : []
  reply(message({ id: wire.readUInt16BE(0), name, type, answer: records }))
}

test('rewrite, nsid and bufsize in a daemon, asked by dig', async (t) => {
  const upstream = await startScripted(t, upstreamSays)
  const port = await freePort()
  const server = { address: '127.0.0.1', port }
  const corefile = `.:${port} {
    bind 127.0.0.1
    nsid here
    bufsize 1100
    rewrite name alias.test real.test
    rewrite name suffix .shop.test .svc.cluster.local answer auto
    rewrite continue ttl suffix .test 7
    rewrite continue edns0 local set 0xffee abcd revert
    rewrite cname suffix .cdn.test. .mirror.test.
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
    assert.deepEqual(await shown('Alias.test'), ['Alias.test. 30 A 192.0.2.1'], round)
    assert.deepEqual(await shown('web.shop.test'), ['web.shop.test. 30 A 192.0.2.1'], round)
    assert.deepEqual(await shown('a.test'), ['a.test. 7 A 192.0.2.1'], round)
    assert.deepEqual(
      await shown('app.test'),
      ['app.test. 7 CNAME edge.mirror.test.', 'edge.mirror.test. 7 A 192.0.2.1'],
      round,
    )
  }
  const last = upstream.asked.at(-1)!.wire
  assert.ok(last.includes('\xff\xee\x00\x04abcd', 0, 'latin1'))
  assert.equal(last.readUInt16BE(questionOf(last).end + 3), 1100)
  const { edns } = await dig(server, 'other.test', '+nsid')
  assert.match(edns ?? '', /NSID: 68 65 72 65/)
})
