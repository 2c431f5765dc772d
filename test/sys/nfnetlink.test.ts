import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { Descriptors } from '../../src/sys/descriptors.ts'
import type { Libc } from '../../src/sys/libc.ts'
import { Nfnetlink, replaceElements } from '../../src/sys/nfnetlink.ts'

const key = Uint8Array.of(10, 96, 0, 10)

/** Types and lengths of the messages of a batch. */
function messages(batch: Buffer): [type: number, length: number][] {
  const found: [number, number][] = []
  for (let at = 0; at < batch.length; at += batch.readUInt32LE(at)) {
    found.push([batch.readUInt16LE(at + 4), batch.readUInt32LE(at)])
  }
  return found
}

describe('replaceElements()', () => {
  test('empties each set and fills it again, in one transaction', () => {
    const batch = replaceElements('t', [
      { set: 'a', keys: [key], timeoutMs: 3000 },
      { set: 'b', keys: [], timeoutMs: 0 },
    ])
    assert.deepEqual(messages(batch), [
      [0x010, 20],
      [0xa0e, 36],
      [0xa0c, 68],
      [0xa0e, 36],
      [0x011, 20],
    ])
  })

  test('writes an element as the kernel reads it', () => {
    const batch = replaceElements('t', [{ set: 'a', keys: [key], timeoutMs: 3000 }])
    const list = batch.subarray(20 + 36 + 36, 20 + 36 + 68)
    const hex = [
      '20000380', // the list of elements
      '1c000180', // one of them
      '0c000180 08000100 0a60000a', // its key
      '0c000400 0000000000000bb8', // 3000 ms
    ]
    assert.equal(list.toString('hex'), hex.join('').replaceAll(' ', ''))
  })
})

describe('Nfnetlink', () => {
  const EAGAIN = 11
  const batch = Buffer.alloc(4)

  /** A C library whose netlink socket answers with these errors; a text is a failure of recv(). */
  function answering(answers: (number | 'ENOBUFS')[], sent = 4): Libc {
    let errno = 0
    return {
      socket: () => 3,
      close: () => 0,
      errno: () => errno,
      sendAsync: (_fd, _bytes, _length, _flags, done) => done(null, sent),
      recv: (_fd, bytes) => {
        const answer = answers.shift()
        errno = answer === 'ENOBUFS' ? 105 : EAGAIN
        if (typeof answer !== 'number') return -1
        bytes.writeUInt32LE(20, 0)
        bytes.writeUInt16LE(2, 4)
        bytes.writeInt32LE(-answer, 16)
        return 20
      },
    } as Partial<Libc> as Libc
  }

  const netlink = (libc: Libc): Nfnetlink => new Nfnetlink(libc, new Descriptors({ libc }))

  test('returns the first error among the answers', async () => {
    assert.equal(await netlink(answering([0, 2, 17])).run(batch), 2)
    assert.equal(await netlink(answering([0, 0])).run(batch), 0)
    assert.equal(await netlink(answering([])).run(batch), 0)
  })

  test('does not take lost answers for success', async () => {
    assert.equal(await netlink(answering(['ENOBUFS', 0])).run(batch), 105)
    assert.equal(await netlink(answering([], -1)).run(batch), 5)
  })

  test('reads the generation of the rules, and nothing else for one', () => {
    const telling = (hex: string | null): Libc =>
      ({
        socket: () => 3,
        send: () => (hex === null ? -1 : 20),
        recv: (_fd, bytes) => (hex === null || hex === '' ? -1 : bytes.write(hex, 'hex')),
      }) as Partial<Libc> as Libc
    const reply = (type: string, attributes: string): string => {
      const size = 20 + attributes.length / 2
      return `${size.toString(16)}000000${type}${'00'.repeat(14)}${attributes}`
    }
    const generation = (hex: string | null): number | null => netlink(telling(hex)).generation()
    assert.equal(generation(reply('0f0a', '0800010080000007')), 0x80000007)
    assert.equal(generation(reply('0f0a', '0600010000070000')), null)
    assert.equal(generation(reply('0f0a', '0800020000000007')), null)
    assert.equal(generation(reply('0200', '0800010080000007')), null)
    assert.equal(generation('1400'), null)
    assert.equal(generation(''), null)
    assert.equal(generation(null), null)
  })

  test('says why there is no socket', () => {
    const libc = { socket: () => -1, errno: () => 93 } as Partial<Libc> as Libc
    assert.throws(() => netlink(libc), { code: 'EPROTONOSUPPORT' })
  })
})
