import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { closeSync, existsSync, fstatSync, openSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, test } from 'node:test'

import { descriptorOf } from '../../src/lib/descriptor-of.ts'
import { type Libc, libc } from '../../src/sys/libc.ts'
import {
  connectUnix,
  DESCRIPTORS_PER_MESSAGE,
  duplicate,
  peerCredentials,
  receiveWithDescriptors,
  sendWithDescriptors,
  socketProtocol,
  WOULD_BLOCK,
} from '../../src/sys/scm.ts'
import { bindTcp, bindUdp } from '../../src/sys/socket.ts'
import { temporaryFolder } from '../helpers/nsd.ts'
import { freePort } from '../helpers/ports.ts'
import { type Owner, startProcess, waitUntil } from '../helpers/processes.ts'

const loaded = libc()
const skip = loaded.libc === null ? loaded.reason : false
const library = loaded.libc as Libc

/** Both ends of a unix connection as descriptors that Node does not read. */
async function pair(owner: Owner): Promise<[number, number]> {
  const path = join(temporaryFolder(owner), 'socket')
  const { server, accepted } = await listen(owner, path)
  const client = connectUnix(library, path)
  owner.after(() => void library.close(client))
  const served = await accepted
  server.close()
  return [client, served]
}

async function listen(
  owner: Owner,
  path: string,
): Promise<{ readonly server: Server; readonly accepted: Promise<number> }> {
  const server = createServer({ pauseOnConnect: true })
  owner.after(() => void server.close())
  const accepted = once(server, 'connection').then(([socket]: Socket[]) => {
    const fd = duplicate(library, descriptorOf(socket!))
    owner.after(() => void library.close(fd))
    socket!.destroy()
    return fd
  })
  server.listen(path)
  await once(server, 'listening')
  return { server, accepted }
}

function udpSocket(owner: Owner, port = 0): number {
  const options = { address: '127.0.0.1', port, freeBind: false, receiveBuffer: 65_536 }
  const fd = bindUdp(library, options)
  owner.after(() => void library.close(fd))
  return fd
}

describe('descriptors over unix sockets', { skip }, () => {
  test('another process gets them, and serves on a socket that we close', async (t) => {
    const path = join(temporaryFolder(t), 'socket')
    const { accepted } = await listen(t, path)
    const child = startProcess(t, process.execPath, [
      fileURLToPath(new URL('scm-child.ts', import.meta.url)),
      path,
      '300',
    ])
    const fd = await accepted
    const port = await freePort()
    const shared = udpSocket(t, port)
    const files = Array.from({ length: 299 }, () => openSync('/dev/null', 'r'))
    const all = [shared, ...files]
    // 253 at most travel with one message, whatever is asked for.
    assert.equal(sendWithDescriptors(library, fd, Buffer.from('a'), all), 1)
    const rest = all.slice(DESCRIPTORS_PER_MESSAGE)
    assert.equal(sendWithDescriptors(library, fd, Buffer.from('bc'), rest), 2)
    for (const file of files) closeSync(file)

    const client = createSocket('udp4').bind(0, '127.0.0.1')
    t.after(() => void client.close())
    const reply = once(client, 'message')
    client.send('hello', port, '127.0.0.1')
    const [message] = (await reply) as [Buffer]
    assert.equal(message.toString(), `hello 300 3 ${child.pid}`)
    await waitUntil('the child to end', () => child.ended() !== null)
    assert.equal(child.ended(), 0, child.output())
  })

  test('they are closed on exec, and octets keep their order', async (t) => {
    const [client, server] = await pair(t)
    const file = openSync('/dev/null', 'r')
    t.after(() => closeSync(file))
    sendWithDescriptors(library, client, Buffer.from('one'), [])
    sendWithDescriptors(library, client, Buffer.from('two'), [file])
    const descriptors: number[] = []
    const received: Buffer[] = []
    for (let i = 0; i < 3 && Buffer.concat(received).length < 6; i++) {
      received.push(receiveWithDescriptors(library, server, descriptors)!)
    }
    assert.equal(Buffer.concat(received).toString(), 'onetwo')
    const [copy] = descriptors
    assert.equal(descriptors.length, 1)
    assert.equal(fstatSync(copy!).rdev, fstatSync(file).rdev)
    const F_GETFD = 1
    assert.equal(library.fcntl(copy!, F_GETFD, 0), 1)
    closeSync(copy!)
  })

  test('descriptors that are refused are closed by the kernel', async (t) => {
    const [client, server] = await pair(t)
    const file = openSync('/dev/null', 'r')
    sendWithDescriptors(
      library,
      client,
      Buffer.from('x'),
      Array.from({ length: 20 }, () => file),
    )
    closeSync(file)
    const probe = openSync('/dev/null', 'r')
    closeSync(probe)
    assert.equal(receiveWithDescriptors(library, server, null)!.toString(), 'x')
    assert.equal(existsSync(`/proc/self/fd/${probe}`), false)
  })

  test('nothing there, a full socket and a closed one are told apart', async (t) => {
    const [client, server] = await pair(t)
    assert.equal(receiveWithDescriptors(library, server, []), null)
    const much = Buffer.alloc(65_536)
    let taken = 0
    while (taken !== WOULD_BLOCK) taken = sendWithDescriptors(library, client, much, [])
    const [one, other] = await pair(t)
    library.close(one)
    assert.equal(receiveWithDescriptors(library, other, [])!.length, 0)
    assert.throws(() => sendWithDescriptors(library, other, much, []), {
      code: 'EPIPE',
      syscall: 'sendmsg',
    })
  })

  test('the kernel tells who the peer is', async (t) => {
    const [client, server] = await pair(t)
    const { pid } = process
    const me = { pid, uid: process.getuid!(), gid: process.getgid!() }
    assert.deepEqual(peerCredentials(library, server), me)
    assert.deepEqual(peerCredentials(library, client), me)
    assert.throws(() => peerCredentials(library, -1), { code: 'EBADF' })
  })

  test('a socket file without a process, none at all, and a path too long are errors', (t) => {
    const folder = temporaryFolder(t)
    assert.throws(() => connectUnix(library, join(folder, 'absent')), { code: 'ENOENT' })
    assert.throws(() => connectUnix(library, join(folder, 'x'.repeat(120))), { code: 'EINVAL' })
  })

  test('sockets are what they are, not what is said of them', async (t) => {
    const tcp = bindTcp(library, { address: '127.0.0.1', port: 0, freeBind: false })
    t.after(() => void library.close(tcp))
    const [unix] = await pair(t)
    const file = openSync('/dev/null', 'r')
    t.after(() => closeSync(file))
    assert.equal(socketProtocol(library, udpSocket(t)), 'udp')
    assert.equal(socketProtocol(library, tcp), null, 'does not listen')
    library.listen(tcp, 1)
    assert.equal(socketProtocol(library, tcp), 'tcp')
    assert.equal(socketProtocol(library, unix), null)
    assert.equal(socketProtocol(library, file), null)
    assert.equal(socketProtocol(library, -1), null)
  })
})
