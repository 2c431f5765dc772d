import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'

import { requireTools } from './debian.ts'
import { dig, kdig } from './dig.ts'
import { startNsd } from './nsd.ts'
import { freePort } from './ports.ts'
import { startProcess, waitUntil } from './processes.ts'
import { startUnbound } from './unbound.ts'

const zone = `@ 60 IN SOA ns hostmaster 1 7200 1800 86400 5
@ 60 IN NS ns
ns 60 IN A 192.0.2.53
www 60 IN A 192.0.2.1
www 60 IN A 192.0.2.2
`

describe('test servers', () => {
  test('startNsd() serves its zones to dig', { skip: requireTools('nsd', 'dig') }, async (t) => {
    const nsd = await startNsd(t, { 'test.example.': zone, '10.in-addr.arpa.': zone })
    const found = await dig(nsd, 'www.test.example', 'A')
    assert.equal(found.status, 'NOERROR')
    assert.deepEqual(
      found.answer.map(({ name, ttl, type }) => [name, ttl, type]),
      [
        ['www.test.example.', 60, 'A'],
        ['www.test.example.', 60, 'A'],
      ],
    )
    assert.ok(found.flags.includes('aa'))
    assert.match(found.edns ?? '', /version: 0/)

    const absent = await dig(nsd, '+noedns', '+tcp', 'no.10.in-addr.arpa', 'PTR')
    assert.equal(absent.status, 'NXDOMAIN')
    assert.equal(absent.edns, null)
    assert.equal(absent.authority[0]?.type, 'SOA')
    assert.equal(absent.authority[0]?.ttl, 5)

    await nsd.stop()
    const gone = await dig(nsd, '+time=1', 'www.test.example', 'A')
    assert.equal(gone.status, 'NO ANSWER')
  })

  test('startUnbound() answers kdig', { skip: requireTools('unbound', 'kdig') }, async (t) => {
    const unbound = await startUnbound(t, ['www.example.com. 60 IN A 192.0.2.7'])
    const found = await kdig(unbound, '+edns', 'www.example.com', 'A')
    assert.equal(found.status, 'NOERROR')
    assert.deepEqual(found.answer, [
      { name: 'www.example.com.', ttl: 60, type: 'A', data: '192.0.2.7' },
    ])
    assert.match(found.edns ?? '', /Version: 0/i)
    assert.ok(found.flags.includes('ra'))
  })

  test('freePort() gives a port once, and none that the kernel would give to somebody else', async () => {
    const [first = 0] =
      /\d+/.exec(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8')) ?? []
    const ports = await Promise.all(Array.from({ length: 200 }, () => freePort()))
    assert.equal(new Set(ports).size, 200)
    for (const port of ports) assert.ok(port > 1_023 && port < Number(first), String(port))
  })

  test('waitUntil() says why a program ended instead of waiting for it', async (t) => {
    const failing = startProcess(t, 'sh', ['-c', 'echo no luck >&2; exit 3'])
    await assert.rejects(
      waitUntil('sh', () => false, failing),
      /sh: ended with 3\nno luck/,
    )
  })
})
