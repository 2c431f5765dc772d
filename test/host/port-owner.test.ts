import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { describe, test, type TestContext } from 'node:test'

import { foreignSockets, ownersOf, portOwners } from '../../src/host/port-owner.ts'
import { enterOwnNetwork } from '../helpers/own-network.ts'
import { type Running, startProcess, waitUntil } from '../helpers/processes.ts'

// A network of our own, in which port 53 and all addresses are free.
const skip = enterOwnNetwork() || false

const servers = {
  udp: (address: string, type: string) =>
    `require('dgram').createSocket('${type}').bind(53, '${address}', say)`,
  tcp: (address: string) => `require('net').createServer().listen(53, '${address}', say)`,
  'udp client': (address: string, type: string) =>
    `const s = require('dgram').createSocket('${type}')
     s.bind(53, '${address}', () => s.connect(9, '${address}', say))`,
}

/** Another process with a socket on port 53. */
async function start(
  t: TestContext,
  kind: keyof typeof servers,
  address: string,
): Promise<Running> {
  const code = servers[kind](address, address.includes(':') ? 'udp6' : 'udp4')
  const script = `const say = () => console.log('bound'); ${code}`
  const server = startProcess(t, process.execPath, ['-e', script])
  await waitUntil('the server is bound', () => server.output().includes('bound'), server)
  return server
}

describe('portOwners()', { skip }, () => {
  const addresses = ['127.0.0.1', '::1']

  for (const kind of ['udp', 'tcp'] as const) {
    for (const address of ['127.0.0.1', '::1', '0.0.0.0', '::', '::ffff:127.0.0.1']) {
      test(`names the process with a ${kind} server on ${address}`, async (t) => {
        assert.deepEqual(portOwners(addresses, 53), [])
        const { pid } = await start(t, kind, address)
        const owners = portOwners(addresses, 53)
        const expected = address.replace('::ffff:', '')
        assert.deepEqual(
          owners.map((owner) => ({ ...owner, command: '' })),
          [{ address: expected, pid, command: '' }],
        )
        assert.match(owners[0]!.command, /node.* -e const say/)
        assert.ok(owners[0]!.command.length <= 80)
        assert.deepEqual(portOwners(addresses, 54), [])
      })
    }
  }

  test('looks at the addresses asked for only', async (t) => {
    await start(t, 'udp', '127.0.0.1')
    await start(t, 'tcp', '127.0.0.1')
    assert.deepEqual(portOwners(['127.0.0.2', '::1', 'fd00:96::a'], 53), [])
    assert.equal(portOwners(['127.0.0.1'], 53).length, 2)
  })

  test('takes an IPv4 wildcard for none of IPv6', async (t) => {
    await start(t, 'udp', '0.0.0.0')
    assert.deepEqual(portOwners(['::1'], 53), [])
  })

  test('leaves out clients and ourselves', async (t) => {
    await start(t, 'udp client', '127.0.0.1')
    assert.deepEqual(portOwners(addresses, 53), [])
    const udp = createSocket('udp6')
    t.after(() => void udp.close())
    udp.bind(53, '::1')
    await once(udp, 'listening')
    const tcp = createServer().listen(53, '::1')
    t.after(() => void tcp.close())
    await once(tcp, 'listening')
    assert.deepEqual(portOwners(addresses, 53), [])
  })

  test('foreignSockets() has those bound to the very address by others', async (t) => {
    const found = async (where: readonly string[], port = 53): Promise<string[]> =>
      (await foreignSockets(where, port)).map(({ address }) => address).toSorted()
    // More than a page of the table, around port 53.
    for (let port = 1; port <= 100; port++) {
      if (port === 53) continue
      const other = createSocket('udp4')
      t.after(() => void other.close())
      other.bind(port, '127.0.0.9')
      await once(other, 'listening')
    }
    const any = await start(t, 'udp', '0.0.0.0')
    assert.deepEqual(await found(['127.0.0.1']), [])
    await any.stop()
    const server = await start(t, 'udp', '127.0.0.1')
    const own = createSocket('udp6')
    t.after(() => void own.close())
    own.bind(53, '::1')
    await once(own, 'listening')
    const asked = ['127.0.0.1', '127.0.0.2', '0:0::1']
    assert.deepEqual(await found(asked), ['127.0.0.1'])
    assert.deepEqual(await found(asked, 54), [])
    // As `bind eth0` has it.
    assert.deepEqual(await found(['fe80::1%lo', '127.0.0.1']), ['127.0.0.1'])
    const [socket] = await foreignSockets(asked, 53)
    assert.equal(socket!.user, String(process.getuid?.()))
    assert.match(
      (await ownersOf([socket!.inode])).get(socket!.inode)!,
      new RegExp(`^${server.pid} \\(.*-e`),
    )
    await start(t, 'udp', '127.0.0.2')
    assert.deepEqual(await found(asked), asked.slice(0, 2))
  })

  test('shows no control characters of a command line', async (t) => {
    const server = startProcess(t, process.execPath, [
      '-e',
      `require('dgram').createSocket('udp4').bind(53, '127.0.0.1', () => console.log('bound'))`,
      '\u001b[2J',
    ])
    await waitUntil('the server is bound', () => server.output().includes('bound'), server)
    for (const { command } of portOwners(['127.0.0.1'], 53)) assert.match(command, /^[ -~]+$/)
  })

  test('lists a process of another pod without its id and command', async (t) => {
    await start(t, 'udp', '127.0.0.1')
    const script = new URL('port-owner-child.ts', import.meta.url).pathname
    const args = ['--pid', '--fork', '--kill-child', '--mount-proc', process.execPath, script]
    const pod = startProcess(t, 'unshare', [...args, '127.0.0.1'])
    await waitUntil('the pod has looked', () => pod.ended() === 0)
    assert.deepEqual(JSON.parse(pod.output()), [{ address: '127.0.0.1', pid: null, command: '' }])
  })
})
