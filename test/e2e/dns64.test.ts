import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { requireTools } from '../helpers/debian.ts'
import { dig } from '../helpers/dig.ts'
import { startDnslet } from '../helpers/dnslet.ts'
import { startNsd } from '../helpers/nsd.ts'
import { freePort } from '../helpers/ports.ts'

const zone = `@ 300 IN SOA ns hostmaster 1 7200 1800 86400 20
@ 300 IN NS ns
ns 300 IN A 192.0.2.53
four 60 IN A 192.0.2.33
both 60 IN A 192.0.2.34
both 60 IN AAAA 2001:db8::34
six 60 IN AAAA 2001:db8::35
alias 60 IN CNAME four
text 60 IN TXT "no address"
`

describe('dns64 and acl in a daemon', { skip: requireTools('nsd', 'dig') }, () => {
  test('IPv6 clients get what they can reach, misses and hits alike', async (t) => {
    const nsd = await startNsd(t, { 'test.': zone })
    const port = await freePort()
    const six = { address: '::1', port }
    const corefile = `.:${port} {
      bind 127.0.0.1 ::1
      errors
      cache 30
      acl blocked.test {
        block net ::1
        drop type TXT
      }
      forward . 127.0.0.1:${nsd.port}
      dns64
    }`
    await startDnslet(t, corefile, { ready: six })
    const ask = async (...args: readonly string[]): Promise<readonly string[]> => {
      const { answer, status } = await dig(six, ...args)
      return [status, ...answer.map(({ data, name, type }) => `${name} ${type} ${data}`)]
    }
    for (const round of ['miss', 'hit']) {
      for (const how of [[], ['+tcp']]) {
        const translated = 'four.test. AAAA 64:ff9b::c000:221'
        const aaaa = (name: string): Promise<readonly string[]> => ask(name, 'AAAA', ...how)
        assert.deepEqual(await aaaa('four.test'), ['NOERROR', translated], round)
        const alias = ['NOERROR', 'alias.test. CNAME four.test.', translated]
        assert.deepEqual(await aaaa('alias.test'), alias, round)
        assert.deepEqual(await aaaa('both.test'), ['NOERROR', 'both.test. AAAA 2001:db8::34'])
        assert.deepEqual(await aaaa('text.test'), ['NOERROR'], round)
        assert.deepEqual(await aaaa('none.test'), ['NXDOMAIN'], round)
        assert.deepEqual(await ask('six.test', 'A', ...how), ['NOERROR'], round)
        const four = await dig({ address: '127.0.0.1', port }, 'four.test', 'AAAA', ...how)
        assert.deepEqual(
          [four.status, four.answer.length, four.authority.length],
          ['NOERROR', 0, 1],
        )
        assert.deepEqual(await aaaa('blocked.test'), ['REFUSED'], round)
      }
    }
    const { edns, flags } = await dig(six, 'blocked.test')
    assert.match(edns ?? '', /EDE: 15 \(Blocked\)/)
    assert.deepEqual(flags, ['qr', 'rd'])
    const lost = await dig({ address: '127.0.0.1', port }, 'blocked.test', 'TXT', '+time=1')
    assert.equal(lost.status, 'NO ANSWER')
  })
})
