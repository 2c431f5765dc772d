import assert from 'node:assert/strict'
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { dig } from '../helpers/dig.ts'
import { startDnslet } from '../helpers/dnslet.ts'
import { temporaryFolder } from '../helpers/nsd.ts'
import { freePort } from '../helpers/ports.ts'
import { waitUntil } from '../helpers/processes.ts'
import { startScripted } from '../upstream/scripted.ts'
import { a, message, questionOf } from '../wire/message.ts'
import { nameText } from '../../src/wire/question.ts'

test('hosts behind cache, whoami, local and chaos in a daemon, asked by dig', async (t) => {
  const asked: string[] = []
  const upstream = await startScripted(t, ({ reply, wire }) => {
    const question = questionOf(wire)
    const name = nameText(wire, question)
    asked.push(name)
    const id = wire.readUInt16BE(0)
    reply(message({ id, name, type: question.type, answer: [a(name, 300)] }))
  })
  const path = join(temporaryFolder(t), 'hosts')
  writeFileSync(path, '10.1.0.1 a.test b.test\n2001:db8::1 a.test\n10.1.0.9 *.wild.test\n')
  const [port, plain] = [await freePort(), await freePort()]
  const server = { address: '127.0.0.1', port }
  const uncached = { address: '127.0.0.1', port: plain }
  const body = `bind 127.0.0.1
    forward . 127.0.0.1:${upstream.port}
    hosts ${path} {
      10.2.0.1 a.test
      reload 100ms
      fallthrough
    }`
  const corefile = `.:${port} {\n${body}\ncache 30\nlocal\nchaos v9\n}
    who.test:${port} {\nbind 127.0.0.1\nwhoami\n}
    .:${plain} {\n${body}\n}`
  await startDnslet(t, corefile, { ready: server })

  const shown = async (...args: readonly string[]): Promise<string> => {
    const { answer, status, flags } = await dig(server, ...args)
    const data = answer.map((line) => `${line.ttl} ${line.type} ${line.data}`)
    return [status, flags.includes('aa') ? 'aa' : '-', ...data].join(', ')
  }
  for (const round of ['miss', 'hit']) {
    for (const [expected, ...args] of [
      ['NOERROR, aa, 30 A 10.1.0.1, 30 A 10.2.0.1', 'a.test', 'A'],
      ['NOERROR, aa, 30 AAAA 2001:db8::1', 'A.Test', 'AAAA'],
      ['NOERROR, aa, 30 A 10.1.0.9', 'x.wild.test', 'A'],
      ['NOERROR, aa', 'b.test', 'AAAA'],
      ['NOERROR, aa', 'a.test', 'TXT'],
      ['NOERROR, aa, 30 PTR a.test., 30 PTR b.test.', '-x', '10.1.0.1'],
      ['NOERROR, aa, 30 PTR a.test.', '-x', '2001:db8::1'],
      ['NOERROR, -, 30 A 192.0.2.1', 'other.test', 'A'],
    ] as const) {
      const got = await shown(...args)
      // A cached record may be some seconds older.
      assert.equal(
        got.replaceAll(/\b2\d (?=[AP])/g, '30 '),
        expected,
        `${round} of ${args.join(' ')}`,
      )
    }
  }
  assert.deepEqual(
    asked.filter((name) => name !== 'ready.test.'),
    ['other.test.'],
  )

  for (const [transport, label] of [
    ['+notcp', '_udp'],
    ['+tcp', '_tcp'],
  ] as const) {
    const { additional, flags, answer } = await dig(server, transport, 'x.who.test', 'A')
    assert.deepEqual([flags.includes('aa'), answer.length], [true, 0])
    assert.deepEqual(
      additional.map(({ name, ttl, type }) => `${name} ${ttl} ${type}`),
      ['x.who.test. 0 A', `${label}.x.who.test. 0 SRV`],
    )
    assert.equal(additional[0]?.data, '127.0.0.1')
  }
  assert.equal(await shown('a.localhost', 'AAAA'), 'NOERROR, -, 604800 AAAA ::1')
  assert.equal(await shown('CH', 'TXT', 'version.bind'), 'NOERROR, -, 0 TXT "v9"')

  writeFileSync(`${path}.new`, '10.3.0.1 a.test\n')
  renameSync(`${path}.new`, path)
  await waitUntil('the new content', async () => {
    const { answer } = await dig(uncached, 'a.test', 'A')
    return answer.map(({ data }) => data).join(' ') === '10.3.0.1 10.2.0.1'
  })
})
