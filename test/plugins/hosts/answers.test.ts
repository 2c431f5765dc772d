import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { Protocol } from '../../../src/serve/query.ts'
import { Class, Flag, Type } from '../../../src/wire/codes.ts'
import { temporaryFolder } from '../../helpers/nsd.ts'
import { opt, recordsOf } from '../../wire/message.ts'
import { ask, inline, outline, reply, stageOf } from './support.ts'

const lines = `10.0.0.1 a.test A.Test b.test
::1 a.test
2001:db8::2 six.test
fe80::3%eth0 local.test
::ffff:10.0.0.4 mapped.test
10.0.0.1 again.test
10.0.0.5 *.wild.test
10.0.0.6 here.wild.test
2001:db8::7 seven.wild.test
10.0.0.8 *`

describe('hosts answers', () => {
  test('addresses of the family that is asked for, duplicates included', async () => {
    const stage = await inline(lines)
    assert.equal(ask(stage, 'a.test'), '10.0.0.1 10.0.0.1')
    assert.equal(ask(stage, 'B.TEST'), '10.0.0.1')
    assert.equal(ask(stage, 'a.test', Type.AAAA), '0000::1')
    assert.equal(ask(stage, 'six.test', Type.AAAA), '2001::db8000000000000000000000002')
    assert.equal(ask(stage, 'local.test', Type.AAAA), 'fe80::3')
    assert.equal(ask(stage, 'mapped.test'), '10.0.0.4')
  })

  test('with AA, the TTL of the Corefile, and the name as it was spelt', async () => {
    const hour = await inline(lines)
    const flags = (Flag.QR | Flag.AA | Flag.RD).toString(16)
    const spelt = outline(reply(hour, { name: 'A.tesT' })!)
    assert.equal(spelt, `${flags}, A.tesT. 3600 A, A.tesT. 3600 A`)
    const five = await inline('ttl 5\n10.0.0.1 a.test')
    assert.equal(outline(reply(five, { name: 'a.test' })!), `${flags}, a.test. 5 A`)
    const other = reply(five, { name: 'a.test', type: Type.AAAA, additional: [opt()] })!
    assert.deepEqual(outline(other), `${flags}, . 0 OPT`)
  })

  test('NODATA where the name has the other family, or for other types', async () => {
    const stage = await inline(lines)
    assert.equal(ask(stage, 'six.test'), 'NODATA')
    assert.equal(ask(stage, 'b.test', Type.AAAA), 'NODATA')
    for (const type of [Type.TXT, Type.HTTPS, Type.ANY, Type.DS, Type.SOA]) {
      assert.equal(ask(stage, 'a.test', type), 'NODATA')
    }
  })

  test('PTR with all names of an address, in their order', async () => {
    const stage = await inline(lines, ['test.'])
    assert.equal(
      ask(stage, '1.0.0.10.in-addr.arpa', Type.PTR),
      'a.test. a.test. b.test. again.test.',
    )
    assert.equal(ask(stage, '4.0.0.10.in-addr.arpa', Type.PTR), 'mapped.test.')
    const one = `1${'.0'.repeat(31)}`
    assert.equal(ask(stage, `${one}.ip6.arpa`, Type.PTR), 'a.test.')
    assert.equal(ask(stage, `2${'.0'.repeat(23)}.8.B.D.0.1.0.0.2.IP6.arpa`, Type.PTR), 'six.test.')
  })

  test('no PTR question that it has no names for', async () => {
    const stage = await inline(`${lines}\nfallthrough nowhere.test`)
    const wildcard = '5.0.0.10.in-addr.arpa'
    for (const name of ['9.0.0.10.in-addr.arpa', wildcard, 'a.test', 'x.test', 'ip6.arpa', '.']) {
      assert.equal(ask(stage, name, Type.PTR), 'next', name)
    }
    const without = await inline(`${lines}\nno_reverse`)
    assert.equal(ask(without, '1.0.0.10.in-addr.arpa', Type.PTR), 'next')
    assert.equal(ask(without, 'a.test'), '10.0.0.1 10.0.0.1')
  })

  test('wildcards for one label, each family by itself', async () => {
    const stage = await inline(lines)
    assert.equal(ask(stage, 'x.Wild.test'), '10.0.0.5')
    assert.equal(ask(stage, '*.wild.test'), '10.0.0.5')
    assert.equal(ask(stage, 'here.wild.test'), '10.0.0.6')
    assert.equal(ask(stage, 'seven.wild.test'), '10.0.0.5')
    assert.equal(ask(stage, 'seven.wild.test', Type.AAAA), '2001::db8000000000000000000000007')
    assert.equal(ask(stage, 'x.wild.test', Type.AAAA), 'NODATA')
    for (const name of ['wild.test', 'y.x.wild.test', 'test', '*', '.']) {
      assert.equal(ask(stage, name), 'SERVFAIL', name)
    }
  })

  test('the file first, then the Corefile, a wildcard in each', async (t) => {
    const path = join(temporaryFolder(t), 'hosts')
    writeFileSync(path, '10.1.0.1 a.test\n10.1.0.2 *.test\n10.1.0.3 a.other')
    const stage = await stageOf(`hosts ${path} test {\n10.2.0.1 a.test\n10.2.0.2 *.test b.test\n}`)
    assert.equal(ask(stage, 'a.test'), '10.1.0.1 10.2.0.1')
    assert.equal(ask(stage, 'b.test'), '10.1.0.2 10.2.0.2')
    assert.equal(ask(stage, 'c.test'), '10.1.0.2 10.2.0.2')
    assert.equal(ask(stage, 'a.other'), 'next')
    assert.equal(ask(stage, '3.0.1.10.in-addr.arpa', Type.PTR), 'next')
  })

  test('unknown names with SERVFAIL, or not at all', async () => {
    const closed = await inline(lines)
    assert.equal(ask(closed, 'x.test'), 'SERVFAIL')
    const open = await inline(`${lines}\nfallthrough`)
    assert.equal(ask(open, 'x.test'), 'next')
    assert.equal(ask(open, 'six.test'), 'NODATA')
    const partly = await inline(`${lines}\nfallthrough b.test in-addr.arpa`)
    assert.equal(ask(partly, 'x.test'), 'SERVFAIL')
    assert.equal(ask(partly, 'x.b.test', Type.TXT), 'next')
    const zones = await inline(lines, ['a.test.', 'wild.test.'])
    assert.deepEqual(
      ['a.test', 'x.a.test', 'b.test', 'test', 'x.wild.test'].map((name) => ask(zones, name)),
      ['10.0.0.1 10.0.0.1', 'SERVFAIL', 'next', 'next', '10.0.0.5'],
    )
  })

  test('other types of known names only where they are not left to the next plugin', async () => {
    const stage = await inline(`${lines}\nfallthrough_unsupported\nfallthrough a.test`)
    assert.equal(ask(stage, 'a.test', Type.TXT), 'next')
    assert.equal(ask(stage, 'b.test', Type.TXT), 'NODATA')
    assert.equal(ask(stage, 'a.test'), '10.0.0.1 10.0.0.1')
  })

  test('no question of another class', async () => {
    const stage = await inline(lines)
    assert.equal(reply(stage, { name: 'a.test', class: Class.CH }), null)
  })

  test('as many records as a message holds', async () => {
    const many = Array.from({ length: 6_000 }, (_, i) => `10.0.${i >> 8}.${i & 255} a.test`)
    const stage = await inline(`${many.join('\n')}\n10.9.9.9 a.test`)
    const whole = reply(stage, { name: 'a.test' })!
    assert.ok(recordsOf(whole).answerCount > 4_000)
    const cut = reply(stage, { name: 'a.test' }, Protocol.Udp)!
    assert.ok(cut.length <= 512 && (cut.readUInt16BE(2) & Flag.TC) !== 0)
  })
})
