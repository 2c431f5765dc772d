import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { describe, test } from 'node:test'
import { announcePresence, type Presence } from '../../src/host/presence.ts'
import { type Neighbour, type Prepared as Found, prepareNode } from '../../src/node/prepare-node.ts'
import { parseArgs } from '../../src/options/options.ts'
import type { ServeOptions } from '../../src/options/serve-options.ts'
import { LinesLog } from '../helpers/lines-log.ts'
import { enterOwnNetwork } from '../helpers/own-network.ts'
import { type Owner, type Running, startProcess, waitUntil } from '../helpers/processes.ts'

// A network of our own, in which port 53 is free and nobody else is to be seen.
const skip = enterOwnNetwork() || false

function options(...args: readonly string[]): ServeOptions {
  const command = parseArgs(args)
  assert.ok(command.kind === 'serve', JSON.stringify(command))
  return command.options
}

const all = options('-localip=127.0.0.1,::1')

interface Prepared extends Found {
  readonly lines: readonly string[]
}

async function prepare(given: ServeOptions, found: Neighbour = 'nobody'): Promise<Prepared> {
  const log = new LinesLog()
  const parts = { options: given, log, found }
  return { ...(await prepareNode(parts)), lines: log.lines }
}

const usual = { addresses: ['127.0.0.1'], port: 53, interfaceName: 'nodelocaldns', scope: '' }

async function announce(owner: Owner, more: Partial<Presence> = {}): Promise<void> {
  const presence = { ...usual, ...more }
  const announced = await announcePresence(presence)
  owner.after(() => announced?.stop())
}

async function serving(owner: Owner, code: string): Promise<Running> {
  const server = startProcess(owner, process.execPath, ['-e', code])
  await waitUntil('the server is bound', () => server.output().includes('bound'), server)
  return server
}

const TCP = "require('net').createServer().listen(53, '127.0.0.1', () => console.log('bound'))"
/** Answers whatever comes. */
const UDP = `const s = require('dgram').createSocket({ type: 'udp4', reusePort: true })
s.on('message', (m, from) => { m[2] |= 0x80; m[3] = 4; s.send(m, from.port, from.address) })
s.bind(53, '127.0.0.1', () => console.log('bound'))`

const REMEDY = 'end it first (another node-local DNS cache: delete its DaemonSet)'

describe('prepareNode()', { skip }, () => {
  test('is content with a free port, and lets nobody dump a core', async () => {
    assert.deepEqual(await prepare(all), {
      state: 'nobody',
      scope: '',
      link: 'nodelocaldns',
      lines: [],
    })
    assert.match(readFileSync('/proc/self/limits', 'utf8'), /^Max core file size +0 +0 /m)
  })

  test('names the process that serves there without an answer, unless it hands over', async (t) => {
    const server = await serving(t, TCP)
    await assert.rejects(prepare(all), (error: Error & { code: string }) => {
      assert.equal(error.code, 'E_PORT_OWNED')
      const [, command] = /^Cannot serve on port 53: process \d+ \((.*)\) listens/.exec(
        error.message,
      )!
      assert.match(command!, /node.* -e require/)
      const who = `process ${server.pid} (${command})`
      const message = `Cannot serve on port 53: ${who} listens on 127.0.0.1; ${REMEDY}`
      assert.equal(error.message, message)
      return true
    })
    assert.equal((await prepare(all, 'predecessor')).state, 'predecessor')
    assert.equal((await prepare(options('-localip=127.0.0.1', '-dns.port=54'))).state, 'nobody')

    // As seen from a pod, which does not see the processes of others.
    const script = new URL('prepare-node-child.ts', import.meta.url).pathname
    const pod = ['--pid', '--fork', '--kill-child', '--mount-proc', process.execPath, script]
    const { stdout } = spawnSync('unshare', [...pod, '127.0.0.1'], { encoding: 'utf8' })
    const message = `Cannot serve on port 53: another program listens on 127.0.0.1; ${REMEDY}\n`
    assert.equal(stdout, message)
  })

  test('starts beside a dnslet of the same addresses that is alive', async (t) => {
    await serving(t, TCP)
    await announce(t)
    const { state, scope, lines } = await prepare(all)
    assert.deepEqual([state, scope], ['beside', ''])
    assert.deepEqual(lines, [
      '[INFO] Another dnslet serves 127.0.0.1 as well: both go on, each by itself',
    ])
  })

  test('but not beside a frozen one, whoever answers at the address', async (t) => {
    await serving(t, UDP)
    const frozen = createServer(() => {})
    t.after(() => void frozen.close())
    await new Promise<void>((resolve) => {
      frozen.listen(`\0dnslet-node-${'0'.repeat(16)}`, () => resolve())
    })
    await assert.rejects(prepare(all), { code: 'E_PORT_OWNED' })
  })

  test('starts beside a node-cache: one that answers at the very address', async (t) => {
    const { pid } = await serving(t, UDP)
    const { state, lines } = await prepare(all)
    assert.equal(state, 'beside')
    assert.match(
      lines.join(),
      new RegExp(`^.WARNING. Serving 127\\.0\\.0\\.1 together with process ${pid} `),
    )
  })

  test('has an interface and rules of its own beside a dnslet of other addresses', async (t) => {
    await announce(t, { addresses: ['169.254.25.10'] })
    const { state, scope, link, lines } = await prepare(all)
    assert.equal(state, 'nobody')
    assert.match(scope, /^-[0-9a-f]{4}$/)
    assert.equal((await prepare(all)).scope, scope, 'the same at every start')
    assert.equal(link, `nodelocald${scope}`, 'at most 15 octets')
    assert.match(
      lines.join(),
      new RegExp(`^.INFO. Interface nodelocaldns .* this one's is ${link}$`),
    )
  })

  test('which stay those of its successor when that one is gone', async (t) => {
    const gone = await announcePresence({ ...usual, addresses: ['169.254.25.10'] })
    const { scope, link } = await prepare(all)
    gone?.stop()
    await announce(t, { interfaceName: link, scope })
    const successor = await prepare(all, 'predecessor')
    assert.deepEqual([successor.scope, successor.link], [scope, link])
  })

  test('and rules alone, where the interface is another', async (t) => {
    const mine = options('-localip=127.0.0.1,::1', '-interfacename=mine')
    const gone = await announcePresence({ ...usual, addresses: ['169.254.25.10'] })
    const { scope } = await prepare(mine)
    gone?.stop()
    await announce(t, { interfaceName: 'mine', scope })
    const successor = await prepare(mine, 'predecessor')
    assert.deepEqual([successor.scope, successor.link], [scope, 'mine'])
  })

  test('keeps the interface it is told to have, and has rules of its own all the same', async (t) => {
    await announce(t, { addresses: ['169.254.25.10'] })
    const mine = options('-localip=127.0.0.1', '-interfacename=mine')
    const { scope, link, lines } = await prepare(mine)
    assert.match(scope, /^-[0-9a-f]{4}$/)
    assert.deepEqual([link, lines], ['mine', []])
  })

  test('needs nothing of its own beside one that has', async (t) => {
    const apart = { addresses: ['169.254.25.10'], scope: '-0123' }
    await announce(t, { ...apart, interfaceName: 'nodelocald-0123' })
    const { scope, link } = await prepare(all)
    assert.deepEqual([scope, link], ['', 'nodelocaldns'])
    const same = await prepare(options('-localip=127.0.0.1', '-interfacename=nodelocald-0123'))
    assert.notEqual(same.scope, '')
    assert.equal(same.link, `nodelocald${same.scope}`)
  })
})
