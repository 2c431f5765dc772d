// A query whose sender is forged: what comes of it goes to a victim.
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { describe, test } from 'node:test'
import { InOrderServer } from '../../src/commands/demo/in-order-server.ts'
import { Flag, Type } from '../../src/wire/codes.ts'
import { readCount, readFlags, Section, writeCount, writeFlags } from '../../src/wire/header.ts'
import { requireTools } from '../helpers/debian.ts'
import { dig } from '../helpers/dig.ts'
import { startDnslet } from '../helpers/dnslet.ts'
import { freePort } from '../helpers/ports.ts'
import type { Owner } from '../helpers/processes.ts'
import { message, opt, questionOf } from '../wire/message.ts'

const NAME = 'big1.example'
const RECORDS = 246

/** Answers every question with 246 TXT records, 62,289 octets. */
function manyTexts(query: Buffer): Buffer {
  const { end } = questionOf(query)
  const one = Buffer.alloc(253, 'x')
  Buffer.from([0xc0, 12, 0, Type.TXT, 0, 1, 0, 0, 0, 30, 0, 241, 240]).copy(one)
  const records = Array.from({ length: RECORDS }, (_, i) => {
    const record = Buffer.from(one)
    record.writeUInt16BE(i, 14)
    return record
  })
  const reply = Buffer.concat([query.subarray(0, end), ...records])
  writeFlags(reply, readFlags(query) | Flag.QR | Flag.RA)
  writeCount(reply, Section.Answer, RECORDS)
  writeCount(reply, Section.Additional, 0)
  return reply
}

async function start(owner: Owner, directive = '') {
  const up = await InOrderServer.open(manyTexts)
  owner.after(() => up.stop())
  const [port, metrics] = [await freePort(), await freePort()]
  const corefile = `.:${port} {
    errors
    cache 30
    ${directive}
    bind 127.0.0.1
    prometheus 127.0.0.1:${metrics}
    forward . 127.0.0.1:${up.port} {
        force_tcp
    }
}
`
  const at = { address: '127.0.0.1', port }
  await startDnslet(owner, corefile, { ready: at })
  const scrape = async (): Promise<string> =>
    (await fetch(`http://127.0.0.1:${metrics}/metrics`)).text()
  return { up, at, scrape }
}

/** The datagram that comes of one over UDP. */
async function ask(port: number, query: Buffer): Promise<Buffer> {
  const socket = createSocket('udp4')
  try {
    socket.send(query, port, '127.0.0.1')
    const [reply] = (await once(socket, 'message')) as [Buffer]
    return reply
  } finally {
    socket.close()
  }
}

describe('amplification', { skip: requireTools('dig') }, () => {
  for (const type of [Type.TXT, Type.ANY]) {
    test(`type ${type}: 41 octets bring 1,232 over UDP, and all of it over TCP`, async (t) => {
      const { at, scrape } = await start(t)
      for (const size of [65_535, 4096, 1400]) {
        const query = message({
          id: 7,
          flags: Flag.RD,
          name: NAME,
          type,
          additional: [opt({ size })],
        })
        assert.equal(query.length, 41)
        for (const from of ['upstream', 'cache']) {
          const reply = await ask(at.port, query)
          assert.ok(reply.length <= 1232, `${reply.length} octets for ${size}, ${from}`)
          assert.ok(reply.length > 900)
          assert.ok((readFlags(reply) & Flag.TC) !== 0)
          assert.equal(readCount(reply, Section.Answer), 4)
        }
      }
      assert.match(await scrape(), /^dnslet_udp_shortened_replies_total 6$/m)
      // A real client comes back over TCP.
      const whole = await dig(at, NAME, `TYPE${type}`, '+bufsize=65535')
      assert.equal(whole.answer.length, RECORDS)
      assert.ok(!whole.flags.includes('tc'))
    })
  }

  test('with `any`, ANY is answered short and asked of nobody', async (t) => {
    const { up, at } = await start(t, 'any')
    const before = up.counts.tcpQueries
    const { answer, status } = await dig(at, NAME, 'ANY', '+bufsize=65535', '+notcp')
    assert.equal(status, 'NOERROR')
    assert.deepEqual(
      answer.map(({ ttl, type, data }) => [ttl, type, data]),
      [[8482, 'HINFO', '"ANY obsoleted" "See RFC 8482"']],
    )
    assert.equal(up.counts.tcpQueries, before)
    assert.equal((await dig(at, NAME, 'TXT')).answer.length, RECORDS)
  })
})
