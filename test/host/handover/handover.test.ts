// The whole conversation, and what either side does when the other one misbehaves.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { fstatSync, lstatSync, mkdirSync, readdirSync, renameSync } from 'node:fs'
import { connect as connectNode, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import {
  askPredecessor,
  OTHER_VERSION,
  type Predecessor,
} from '../../../src/host/handover/predecessor.ts'
import {
  encode,
  FrameKind,
  handoverSocket,
  PROTOCOL_VERSION,
} from '../../../src/host/handover/protocol.ts'
import type { Owner } from '../../helpers/processes.ts'
import {
  connect,
  library,
  settle,
  skip,
  startPredecessor,
  stateDirectory,
  uid,
  warnings,
} from './support.ts'

const hello = encode({ protocol: PROTOCOL_VERSION, pid: 7 })

/** Asks as a successor does; it gives its predecessor 150 ms for each step. */
async function ask(
  owner: Owner,
  directory: string,
  as = uid,
): Promise<{ readonly inherited: Predecessor | null; readonly lines: string[] }> {
  const { log, lines } = warnings()
  const found = await askPredecessor({ libc: library, directory, log, uid: as, patience: 150 })
  assert.notEqual(found, OTHER_VERSION)
  const inherited = found === OTHER_VERSION ? null : found
  owner.after(() => inherited?.leave())
  return { inherited, lines }
}

/** A state directory in which something else than a dnslet listens, and says this. */
async function scripted(owner: Owner, answer: Buffer): Promise<string> {
  const directory = stateDirectory(owner)
  const server = createServer((socket) => void socket.on('error', () => {}).write(answer))
  owner.after(() => void server.close())
  server.listen(handoverSocket(directory))
  await once(server, 'listening')
  return directory
}

/** Open descriptors of this process. */
function descriptors(): number {
  return readdirSync('/proc/self/fd').length
}

describe('hand-over', { skip }, () => {
  test('sockets, TUN and cache travel; the old one lets go when the new one serves', async (t) => {
    const { directory, daemon, lines } = await startPredecessor(t, { tun: true })
    const { inherited } = await ask(t, directory)
    assert.ok(inherited !== null)
    const pieces: Buffer[] = []
    await inherited.receiveCache((piece) => void pieces.push(Buffer.from(piece)))
    assert.deepEqual(pieces, daemon.pieces)
    for (const { kind, host, port, fd } of daemon.sockets) {
      const copy: number = inherited.take(kind, host, port)!
      assert.notEqual(copy, fd)
      assert.equal(fstatSync(copy).ino, fstatSync(fd).ino, kind)
      library.close(copy)
      assert.equal(inherited.take(kind, host, port), null, 'only once')
    }
    const tun = inherited.takeTun()!
    assert.ok(fstatSync(tun).isCharacterDevice())
    assert.equal(inherited.takeTun(), null, 'only once')
    assert.deepEqual(daemon.events, [], 'the old one still serves')
    assert.equal(daemon.hasSuccessor, true)
    await inherited.takeOver()
    assert.equal(daemon.events[0], 'let go')
    await settle(() => daemon.events.length === 3, 'the old one leaves')
    assert.deepEqual(daemon.events, ['let go', 'retired', 'left'])
    assert.deepEqual(lines, [])
    assert.ok(fstatSync(tun).isCharacterDevice(), 'taken, hence ours to close')
    library.close(tun)
  })

  test('what the new one has no use for is closed there, and open here', async (t) => {
    const { directory, daemon } = await startPredecessor(t, { tun: true })
    const before = descriptors()
    const { inherited } = await ask(t, directory)
    assert.equal(inherited!.take('udp', '127.0.0.2', 53), null, 'another address')
    assert.equal(inherited!.take('udp', '127.0.0.1', 54), null, 'another port')
    assert.equal(inherited!.taken, 0)
    await inherited!.takeOver()
    // One less: the old one no longer listens for a successor.
    await settle(() => descriptors() === before - 1, 'descriptors are closed')
    for (const { fd } of daemon.sockets) assert.ok(fstatSync(fd).isSocket())
  })

  test('a cache that is refused is no obstacle', async (t) => {
    const { directory, daemon } = await startPredecessor(t)
    const { inherited, lines } = await ask(t, directory)
    let pushed = 0
    const refusing = inherited!.receiveCache(() => {
      pushed++
      throw new Error('not to be believed')
    })
    await assert.rejects(refusing, /not to be believed/)
    assert.equal(pushed, 1)
    await inherited!.takeOver()
    assert.deepEqual(lines, [])
    assert.equal(daemon.events[0], 'let go')
  })

  test('more sockets than one message carries', async (t) => {
    const { directory, daemon } = await startPredecessor(t)
    const { fd } = daemon.sockets[0]!
    for (let i = 0; i < 600; i++) daemon.sockets.push({ kind: 'udp', host: 'x', port: i, fd })
    const { inherited } = await ask(t, directory)
    const last = inherited!.take('udp', 'x', 599)!
    assert.equal(fstatSync(last).ino, fstatSync(fd).ino)
    library.close(last)
  })

  test('a successor that goes away leaves the old one serving, and the next may come', async (t) => {
    const { directory, daemon, lines } = await startPredecessor(t)
    const { inherited } = await ask(t, directory)
    await inherited!.receiveCache(() => {})
    inherited!.leave()
    await settle(() => lines.length === 1, 'a warning')
    assert.match(lines[0]!, /did not take over: it closed the connection; serving on/)
    await settle(() => !daemon.hasSuccessor, 'it is as ready as before')
    assert.deepEqual(daemon.events, [])
    assert.notEqual((await ask(t, directory)).inherited, null)
  })

  test('a socket that cannot be put in its place leaves nothing behind', async (t) => {
    const { directory } = await startPredecessor(t)
    const other = join(directory, 'other')
    mkdirSync(join(other, 'handover.sock'), { recursive: true })
    await assert.rejects(startPredecessor(t, { directory: other }), { code: 'EISDIR' })
    assert.deepEqual(readdirSync(other), ['handover.sock'])
  })

  test('while one successor is at it, another one is sent away', async (t) => {
    const { directory } = await startPredecessor(t)
    const first = await ask(t, directory)
    assert.notEqual(first.inherited, null)
    const second = await ask(t, directory)
    assert.equal(second.inherited, null)
    assert.match(second.lines[0]!, /another successor is taking over/)
  })

  test('the new socket file replaces the old one, and the old one leaves that alone', async (t) => {
    const { directory, offer } = await startPredecessor(t)
    const path = handoverSocket(directory)
    assert.equal(lstatSync(path).mode & 0o777, 0o600)
    const successor = createServer().listen(`${path}.new`)
    await once(successor, 'listening')
    t.after(() => void successor.close())

    renameSync(`${path}.new`, path)
    const { ino } = lstatSync(path)
    await offer.stop()
    assert.equal(lstatSync(path).ino, ino)
  })
})

describe('a running daemon', { skip }, () => {
  const refusals: [what: string, bytes: (t: Owner, directory: string) => Promise<void>, RegExp][] =
    [
      [
        'garbage',
        (t, directory) => connect(t, directory).send(0x47 as never, 100, Buffer.alloc(3, 0x45)),
        /does not greet/,
      ],
      [
        'a frame that says it is huge',
        async (t, directory) => {
          const socket = await plain(t, directory)
          socket.write(Buffer.from([1, 0xff, 0xff, 0xff, 0xff]))
        },
        /what is no frame/,
      ],
      [
        'a greeting that is no JSON',
        (t, directory) => connect(t, directory).send(FrameKind.Hello, 100, Buffer.from('{')),
        /no JSON object/,
      ],
      [
        'a greeting without a version',
        (t, directory) => connect(t, directory).send(FrameKind.Hello, 100, Buffer.from('[]')),
        /greeting makes no sense/,
      ],
      [
        'half a frame and then nothing',
        async (t, directory) => {
          const socket = await plain(t, directory)
          socket.write(Buffer.from([1, 0, 0]))
        },
        /nothing came of it for 0.15 s/,
      ],
      ['silence', (t, directory) => plain(t, directory).then(() => {}), /nothing came of it/],
      [
        'an end',
        (t, directory) => plain(t, directory).then((socket) => void socket.end()),
        /closed the connection/,
      ],
      [
        'a frame out of turn',
        async (t, directory) => {
          const channel = connect(t, directory)
          await channel.send(FrameKind.Hello, 100, hello)
          await channel.send(FrameKind.LetGo, 100)
        },
        /a frame of kind 8/,
      ],
      [
        'a successor that wants the cache twice',
        async (t, directory) => {
          const channel = connect(t, directory)
          await channel.send(FrameKind.Hello, 100, hello)
          await channel.send(FrameKind.WantCache, 100)
          await channel.send(FrameKind.WantCache, 100)
        },
        /a frame of kind 4/,
      ],
      [
        'a successor that never serves',
        (t, directory) => connect(t, directory).send(FrameKind.Hello, 100, hello),
        /nothing came of it for 0.3 s/,
      ],
    ]
  for (const [what, misbehave, reason] of refusals) {
    test(`serves on after ${what}`, async (t) => {
      const { directory, daemon, lines } = await startPredecessor(t)
      await misbehave(t, directory)
      await settle(() => lines.length > 0, 'a warning')
      assert.match(lines[0]!, reason)
      assert.deepEqual(daemon.events, [])
      assert.notEqual((await ask(t, directory)).inherited, null, 'and can still hand over')
    })
  }

  test('serves on while a successor does not read the cache it asked for', async (t) => {
    const { directory, daemon, lines } = await startPredecessor(t)
    daemon.pieces = Array.from({ length: 40 }, () => Buffer.alloc(65_536))
    const channel = connect(t, directory)
    await channel.send(FrameKind.Hello, 100, hello)
    await channel.send(FrameKind.WantCache, 100)
    await settle(() => lines.length > 0, 'a warning')
    assert.match(lines[0]!, /nothing came of it/)
    assert.deepEqual(daemon.events, [])
  })

  test('keeps no descriptor that a stranger sends along', async (t) => {
    const { directory, lines } = await startPredecessor(t)
    const before = descriptors()
    const channel = connect(t, directory)
    const gift = Array.from({ length: 200 }, () => 0)
    await channel.send(FrameKind.LetGo, 100, Buffer.alloc(0), gift)
    await settle(() => lines.length > 0, 'a warning')
    channel.close()
    assert.equal(descriptors(), before)
  })

  test('gives another user nothing', async (t) => {
    const { directory, daemon, lines } = await startPredecessor(t, { uid: uid + 1 })
    const { inherited } = await ask(t, directory)
    assert.equal(inherited, null)
    assert.match(lines[0]!, new RegExp(`user ${uid} asked, this is user ${uid + 1}`))
    assert.deepEqual(daemon.events, [])
  })

  test('refuses a protocol it does not know, and says so', async (t) => {
    const { directory, daemon, lines } = await startPredecessor(t)
    const channel = connect(t, directory)
    await channel.send(FrameKind.Hello, 100, encode({ protocol: 99, pid: 7 }))
    const { kind, payload } = await channel.receive(1_000)
    assert.equal(kind, FrameKind.Refusal)
    assert.match(payload.toString(), /protocol 99 is not known here, only 1/)
    assert.deepEqual(daemon.events, ['other version'])
    await settle(() => lines.length > 0, 'a warning')
  })
})

describe('a successor', { skip }, () => {
  test('starts as usual, without a word, where nobody is there', async (t) => {
    const directory = stateDirectory(t)
    assert.deepEqual(await ask(t, directory), { inherited: null, lines: [] })
    // A socket file whose process is gone.
    const path = handoverSocket(directory)
    const dead = createServer().listen(`${path}.dead`)
    await once(dead, 'listening')

    renameSync(`${path}.dead`, path)
    dead.close()
    await once(dead, 'close')
    assert.deepEqual(await ask(t, directory), { inherited: null, lines: [] })
  })

  const answers: [what: string, answer: Buffer, reason: RegExp][] = [
    ['silence', Buffer.alloc(0), /nothing came of it/],
    ['garbage', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), /no frame/],
    ['another kind of frame', frame(FrameKind.Serving, {}), /a frame of kind 7/],
    [
      'a refusal',
      frame(FrameKind.Refusal, { reason: 'another one is at it', protocol: PROTOCOL_VERSION }),
      /another one is at it/,
    ],
    ['a refusal that says nothing', frame(FrameKind.Refusal, {}), /no sense/],
    [
      'a list that is none',
      frame(FrameKind.Sockets, { pid: 1, tun: false, sockets: {} }),
      /no sense/,
    ],
    [
      'an unknown kind of socket',
      frame(FrameKind.Sockets, { pid: 1, tun: false, sockets: [{ kind: 'x', host: '', port: 1 }] }),
      /no sense/,
    ],
    [
      'a socket without its descriptor',
      frame(FrameKind.Sockets, {
        pid: 1,
        tun: false,
        sockets: [{ kind: 'udp', host: '', port: 1 }],
      }),
      /1 descriptors were announced, 0 came/,
    ],
  ]
  for (const [what, answer, reason] of answers) {
    test(`starts as usual after ${what}, and says why`, async (t) => {
      const directory = await scripted(t, answer)
      const { inherited, lines } = await ask(t, directory)
      assert.equal(inherited, null)
      assert.match(lines[0]!, reason)
    })
  }

  test('knows a daemon of another version', async (t) => {
    const refusal = { reason: 'protocol 1 is not known', protocol: PROTOCOL_VERSION + 1 }
    const directory = await scripted(t, frame(FrameKind.Refusal, refusal))
    const { log, lines } = warnings()
    const found = await askPredecessor({ libc: library, directory, log, uid })
    assert.equal(found, OTHER_VERSION)
    assert.match(lines[0]!, /hands over by protocol 2, this one by 1: both serve/)
  })

  test('takes no descriptor that is another thing than announced', async (t) => {
    const { directory, daemon } = await startPredecessor(t)
    const [udp] = daemon.sockets
    daemon.sockets[1] = { ...daemon.sockets[1]!, fd: udp!.fd }
    const before = descriptors()
    const { inherited, lines } = await ask(t, directory)
    assert.equal(inherited, null)
    assert.match(lines[0]!, /a descriptor is no tcp socket/)
    await settle(() => descriptors() === before, 'descriptors are closed')
  })

  test('takes nothing from another user', async (t) => {
    const { directory } = await startPredecessor(t)
    const { inherited, lines } = await ask(t, directory, uid + 1)
    assert.equal(inherited, null)
    assert.match(lines[0]!, /it is user/)
  })

  test('keeps the sockets when its predecessor dies in the middle', async (t) => {
    const { directory, offer } = await startPredecessor(t)
    const { inherited, lines } = await ask(t, directory)
    await offer.stop()
    await assert.rejects(
      inherited!.receiveCache(() => {}),
      /connection/,
    )
    const fd = inherited!.take('udp', '127.0.0.1', 53)!
    await inherited!.takeOver()
    assert.match(lines[0]!, /did not confirm/)
    assert.ok(fstatSync(fd).isSocket())
    library.close(fd)
  })
})

function frame(kind: number, value: object): Buffer {
  const payload = Buffer.from(JSON.stringify(value))
  const head = Buffer.alloc(5)
  head[0] = kind
  head.writeUInt32BE(payload.length, 1)
  return Buffer.concat([head, payload])
}

/** A connection of Node's own, to write octets that are no frames. */
async function plain(owner: Owner, directory: string): Promise<Socket> {
  const socket = connectNode(handoverSocket(directory)).on('error', () => {})
  owner.after(() => void socket.destroy())
  await once(socket, 'connect')
  return socket
}
