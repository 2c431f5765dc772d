// Whatever octets a name has, a line of the JSON log is one object that says which.
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { test } from 'node:test'

import { startDnslet } from '../helpers/dnslet.ts'
import { freePort } from '../helpers/ports.ts'
import { waitUntil } from '../helpers/processes.ts'
import { Random } from './odd-messages.ts'

const random = new Random(17)
/** Labels of one octet, each that there is, and long ones of any; what JSON and UTF-8 are made of. */
const labels: readonly Buffer[] = [
  ...Array.from({ length: 256 }, (_, octet) => Buffer.from([octet])),
  ...Array.from({ length: 100 }, () => random.octets(1 + random.below(63))),
  ...[
    '"}\n{"level":"fatal"}\n',
    '\\u0000',
    '\\',
    '\\"',
    '{}',
    ']',
    '\u2028',
    '\u2029',
    '\ud83d',
  ].map((text) => Buffer.from(text)),
  Buffer.from('eda080c0afff', 'hex'),
]

function query(id: number, label: Buffer): Buffer {
  const head = Buffer.from([id >> 8, id, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, label.length])
  return Buffer.concat([head, label, Buffer.from('\x04mark\0\0\x01\0\x01', 'latin1')])
}

/** A name's text (RFC 1035 §5.1) as octets of its first label. */
function octetsOf(name: string): Buffer {
  const octets: number[] = []
  for (const [, digits, escaped, plain] of name
    .replace(/\.mark\.$/, '')
    .matchAll(/\\(\d{3})|\\(.)|(.)/gsu)) {
    octets.push(digits === undefined ? (escaped ?? plain)!.charCodeAt(0) : Number(digits))
  }
  return Buffer.from(octets)
}

test('every line is one JSON object, and each name comes out as it went in', async (t) => {
  const port = await freePort()
  // Nobody is there: each query makes a line of `log` and one of `errors`.
  const upstream = `127.0.0.1:${await freePort()}`
  const format = '"{name}"'
  const { process: daemon } = await startDnslet(
    t,
    `.:${port} {\n  bind 127.0.0.1\n  log . ${format}\n  errors\n  forward . ${upstream}\n}\n`,
    { ready: { address: '127.0.0.1', port }, args: ['-log-format', 'json'] },
  )
  const socket = createSocket('udp4')
  t.after(() => void socket.close())
  const answered = new Set<number>()
  socket.on('message', (wire) => answered.add(wire.readUInt16BE(0)))
  const lines = new Set<string>()
  /** Whether so many queries have been told of. */
  const haveTold = (count: number): boolean => {
    // The first and the last may be cut.
    for (const line of daemon.output().split('\n').slice(1, -1)) lines.add(line)
    return [...lines].filter((line) => /"info".*\.mark\./.test(line)).length >= count
  }
  for (const [id, label] of labels.entries()) {
    socket.send(query(id, label), port, '127.0.0.1')
    if (id % 50 !== 49 && id !== labels.length - 1) continue
    await waitUntil('answers', () => answered.size === id + 1, daemon, 20)
    await waitUntil('their lines', () => haveTold(id + 1), daemon)
  }
  const told = new Set<string>()
  let errors = 0
  for (const line of lines) {
    // eslint-disable-next-line no-control-regex
    assert.doesNotMatch(line, /[\u0000-\u001f\u007f-\u009f\u2028\u2029\ufffd]/, line)
    const value = JSON.parse(line) as { level: string; msg: string }
    assert.ok(['info', 'warning', 'error'].includes(value.level), line)
    if (value.level === 'error') errors++
    else if (value.msg.endsWith('.mark.')) told.add(octetsOf(value.msg).toString('hex'))
  }
  const lower = (label: Buffer): string =>
    Buffer.from(
      label.toString('latin1').replace(/[A-Z]/g, (c) => c.toLowerCase()),
      'latin1',
    ).toString('hex')
  for (const label of labels)
    assert.ok(told.has(lower(label)), `${label.toString('hex')} is told of`)
  assert.ok(errors > 0, 'errors tell names as well')
})
