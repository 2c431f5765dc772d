import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { askAddress } from '../../../src/commands/untaint/ask-address.ts'
import { requireTools } from '../../helpers/debian.ts'
import { startFixedDns } from '../../helpers/fixed-dns.ts'
import { startNsd } from '../../helpers/nsd.ts'
import { freePort } from '../../helpers/ports.ts'

const zone = `@ 60 IN SOA ns hostmaster 1 7200 1800 86400 5
@ 60 IN NS ns
ns 60 IN A 192.0.2.53
text 60 IN TXT "no address"
`

for (const protocol of ['udp', 'tcp'] as const) {
  describe(`askAddress() over ${protocol}`, () => {
    test('tells a name with records from others', { skip: requireTools('nsd') }, async (t) => {
      const { address, port } = await startNsd(t, { 'test.': zone })
      const ask = (name: string): Promise<string | null> =>
        askAddress({ protocol, host: address, port }, name)
      assert.equal(await ask('ns.test.'), null)
      assert.equal(await ask('text.test.'), 'no record')
      assert.equal(await ask('absent.test.'), 'NXDOMAIN')
      assert.equal(await ask('elsewhere.'), 'REFUSED')
    })

    test('says that nobody listens', async () => {
      const at = { protocol, host: '127.0.0.1', port: await freePort() }
      assert.match((await askAddress(at, 'ns.test.')) ?? '', /ECONNREFUSED/)
    })

    test('asks no other machine in its place', async () => {
      const at = { protocol, host: '192.0.2.53', port: 53 }
      assert.equal(await askAddress(at, 'ns.test.'), 'no interface has this address now')
    })

    test('takes no answer for another question', async (t) => {
      const dns = await startFixedDns(t)
      dns.changesId = true
      const problem = await askAddress({ ...dns, protocol }, 'ns.test.')
      assert.match(problem ?? '', protocol === 'udp' ? /no answer/ : /another question/)
    })

    test('does not wait longer than two seconds', async (t) => {
      const dns = await startFixedDns(t)
      dns.udp = dns.tcp = null
      assert.equal(
        await askAddress({ ...dns, protocol }, 'ns.test.'),
        'Cannot ask: no answer in time',
      )
    })
  })
}
