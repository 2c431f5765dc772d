import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { test } from 'node:test'

import { announcePresence, findNeighbours } from '../../src/host/presence.ts'
import { Beat } from '../../src/lib/beat.ts'
import { Holds } from '../../src/lib/holds.ts'
import { foreignSocketsMetric, Neighbours } from '../../src/node/neighbours.ts'
import { parseArgs } from '../../src/options/options.ts'
import { exposition } from '../../src/telemetry/metrics.ts'
import { LinesLog } from '../helpers/lines-log.ts'
import { enterOwnNetwork } from '../helpers/own-network.ts'
import type { Owner } from '../helpers/processes.ts'

// A network of our own, in which nobody else is to be seen.
const skip = enterOwnNetwork() || false

const LISTEN = `const socket = require('node:dgram').createSocket('udp4')
socket.bind(Number(process.argv[1]), '127.0.0.1', () => console.log(socket.address().port))`

/** Another process that listens; how to end it. */
async function other(owner: Owner, at = 0): Promise<{ port: number; end: () => Promise<unknown> }> {
  const child = spawn(process.execPath, ['-e', LISTEN, String(at)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  const end = (): Promise<unknown> => {
    child.kill('SIGKILL')
    return exited
  }
  owner.after(() => void end())
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  return { port: Number(line.toString()), end }
}

interface Met {
  readonly neighbours: Neighbours
  readonly readiness: Holds
  readonly log: LinesLog
}

/** What a process that leaves the node alone is to know of others. */
async function meet(
  more: { found?: 'predecessor'; args?: string[]; beat?: Beat } = {},
): Promise<Met> {
  const { found = 'nobody', args = [], ...ticks } = more
  const command = parseArgs(args)
  assert.ok(command.kind === 'serve', JSON.stringify(command))
  const { options } = command
  const [log, readiness] = [new LinesLog(), new Holds()]
  const neighbours = await Neighbours.meet({ options, log, readiness, found, ...ticks })
  return { neighbours, readiness, log }
}

function sharing(...ports: number[]): Parameters<Neighbours['follow']>[0] & { open: boolean[] } {
  const open: boolean[] = []
  const addresses = ports.map((port) => ({ host: '127.0.0.1', port }))
  return { addresses, open, sharePort: (shared) => void open.push(shared) }
}

function ignore(): void {}

test('sockets are shared for a minute, and as long as the other one serves', async (t) => {
  const { port, end } = await other(t)
  const { neighbours, readiness } = await meet()
  let alone = 0
  t.mock.timers.enable({ apis: ['setInterval'] })
  neighbours.follow(sharing(port), () => void alone++)
  neighbours.otherVersion(true)
  assert.equal(neighbours.state, 'beside')
  assert.deepEqual(readiness.reasons, ['A dnslet of another version starts'])
  for (let i = 0; i < 100; i++) assert.equal(await neighbours.look(), true)
  await end()
  assert.equal(await neighbours.look(), false, 'gone')
  assert.equal(neighbours.state, 'nobody')
  assert.deepEqual([readiness.reasons, alone], [[], 1])
  neighbours.otherVersion(false)
  assert.deepEqual(readiness.reasons, [], 'the newer one is as ready as it is')
  for (let i = 0; i < 12; i++) await neighbours.look()
  assert.equal(neighbours.state, 'beside', 'it may be starting')
  await neighbours.look()
  assert.equal(neighbours.state, 'nobody')
})

test("a predecessor may answer until it lets go, and its end is nobody else's", async (t) => {
  const { neighbours, log, readiness } = await meet({ found: 'predecessor' })
  t.mock.timers.enable({ apis: ['setInterval'] })
  const daemon = sharing()
  neighbours.follow(daemon, assert.fail)
  assert.equal(await neighbours.look(), false)
  assert.deepEqual([neighbours.state, neighbours.mayAnswer()], ['predecessor', 'neighbour'])
  assert.deepEqual(daemon.open, [true])
  neighbours.predecessorLeft()
  assert.deepEqual([neighbours.state, neighbours.mayAnswer()], ['nobody', 'us'])
  await neighbours.look()
  assert.deepEqual([daemon.open.at(-1), log.lines], [false, []])
  neighbours.setSuccessor(true)
  assert.deepEqual(readiness.reasons, ['A successor starts'])
  neighbours.setSuccessor(false)
  assert.deepEqual(readiness.reasons, [])
})

test('where others serve as well, the end of a predecessor changes nothing', async (t) => {
  const { port } = await other(t)
  const { neighbours } = await meet({ found: 'predecessor' })
  t.mock.timers.enable({ apis: ['setInterval'] })
  neighbours.follow(sharing(port), assert.fail)
  assert.equal(await neighbours.look(), true)
  neighbours.predecessorLeft()
  assert.deepEqual([neighbours.state, neighbours.mayAnswer()], ['beside', 'neighbour'])
})

test('anybody may answer until every query is led here', async () => {
  const { neighbours } = await meet()
  const way = { leadsAll: false }
  neighbours.ledBy(way)
  assert.equal(neighbours.mayAnswer(), 'anybody')
  way.leadsAll = true
  assert.equal(neighbours.mayAnswer(), 'us')
})

test('others that come and go are noticed, each time', async (t) => {
  const first = await other(t)
  const { neighbours, readiness, log } = await meet()
  const daemon = sharing(first.port)
  const { open } = daemon
  let alone = 0
  let now = 1_000
  t.mock.method(performance, 'now', () => now)
  t.mock.timers.enable({ apis: ['setInterval'] })
  neighbours.follow(daemon, () => void alone++)
  t.mock.timers.tick(5_000)
  // The look that has begun.
  assert.equal(await neighbours.look(), true)
  assert.equal(neighbours.state, 'beside')
  assert.deepEqual(open, [true])
  assert.deepEqual(readiness.reasons, [], 'it is as ready as before')
  await first.end()
  assert.equal(await neighbours.look(), false)
  assert.deepEqual([neighbours.state, alone], ['nobody', 1])
  assert.equal(await neighbours.look(), false)
  assert.equal(alone, 1)
  now += 599_999
  await neighbours.look()
  assert.equal(open.at(-1), true, 'it may be starting again')
  now += 1
  await neighbours.look()
  assert.equal(open.at(-1), false, 'who is alone keeps others out')
  const second = await other(t, first.port)
  assert.equal(await neighbours.look(), true)
  assert.equal(neighbours.state, 'beside')
  await second.end()
  await neighbours.look()
  assert.deepEqual([neighbours.state, alone], ['nobody', 2])
  const told = new RegExp(
    `^\\[WARNING\\] Another process serves 127.0.0.1:${first.port} as well and gets a part of the ` +
      `queries: process \\d+ \\(.*\\) of user \\d+$`,
  )
  assert.equal(log.lines.length, 4)
  for (const i of [0, 2]) assert.match(log.lines[i]!, told)
  for (const i of [1, 3]) {
    assert.equal(log.lines[i], '[INFO] No other process serves these addresses any more')
  }
  const { body } = await exposition('', [foreignSocketsMetric])
  assert.doesNotMatch(body, /dnslet_foreign_sockets\{/)
})

test('who serves as well is named in the metrics, a dnslet is no stranger', async (t) => {
  const { port } = await other(t)
  const { neighbours, log } = await meet()
  const own = { addresses: ['127.0.0.1'], port, interfaceName: 'a', scope: '' }
  for (const presence of [own, own]) {
    const announced = await announcePresence(presence)
    t.after(() => announced?.stop())
  }
  t.mock.timers.enable({ apis: ['setInterval'] })
  neighbours.follow(sharing(port), ignore)
  assert.equal(await neighbours.look(), true)
  assert.deepEqual(log.lines, [
    `[INFO] Another dnslet serves 127.0.0.1:${port} as well: each gets a part of the queries`,
  ])
  const { body } = await exposition('', [foreignSocketsMetric])
  const series = /^dnslet_foreign_sockets\{address="(.*?)",process="dnslet",user="\d+"\} 1$/m
  assert.equal(series.exec(body)?.[1], `127.0.0.1:${port}`)
})

test('others are kept out, unless one is to come', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const follow = async (...args: string[]): Promise<[Neighbours, boolean[]]> => {
    const { neighbours } = await meet({ args })
    const daemon = sharing()
    neighbours.follow(daemon, ignore)
    await neighbours.look()
    return [neighbours, daemon.open]
  }
  const [neighbours, open] = await follow()
  assert.deepEqual(open, [false])
  neighbours.otherVersion(false)
  assert.equal(open.at(-1), true, 'a dnslet of another version')
  for (let i = 0; i < 13; i++) await neighbours.look()
  assert.equal(open.at(-1), false)
  neighbours.leave()
  assert.equal(open.at(-1), true, 'whoever comes when this one goes')
  for (const flag of ['-reuseport', '-skipteardown'])
    assert.deepEqual((await follow(flag))[1], [true])
})

test('who is kept out is looked for each half minute, or where we serve anew', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const { neighbours } = await meet({ beat: new Beat() })
  const looks = t.mock.method(neighbours, 'look')
  const begun = (seconds: number): number => {
    const before = looks.mock.callCount()
    t.mock.timers.tick(seconds * 1000)
    return looks.mock.callCount() - before
  }
  const ended = async (): Promise<unknown> => looks.mock.calls.at(-1)!.result
  const daemon = { ...sharing(1053), addresses: [{ host: '127.0.0.1', port: 1053 }] }
  neighbours.follow(daemon, ignore)
  await ended()
  assert.deepEqual(daemon.open, [false])
  for (let round = 0; round < 2; round++) {
    assert.equal(begun(5), 1)
    await ended()
    assert.equal(begun(25), 0)
  }
  daemon.addresses = [{ host: '127.0.0.2', port: 1053 }]
  assert.equal(begun(5), 1, 'a new address')
  await ended()
  assert.equal(begun(5), 0)
  neighbours.leave()
  assert.equal(begun(5), 1, 'the port is open')
  await ended()
  assert.equal(begun(5), 1)
  await ended()
})

test('a dnslet that asks who is here finds the port open for a minute', { skip }, async (t) => {
  let now = 1_000
  t.mock.method(performance, 'now', () => now)
  t.mock.timers.enable({ apis: ['setInterval'] })
  const { neighbours } = await meet({ args: ['-localip=127.0.0.1', '-interfacename=mine'] })
  t.after(() => neighbours.conceal())
  assert.equal(neighbours.mayAnswer(), 'anybody', 'nothing is led here yet')
  const daemon = sharing()
  neighbours.follow(daemon, ignore)
  await neighbours.look()
  assert.deepEqual(daemon.open, [false])
  const { alive } = await findNeighbours()
  const own = { addresses: ['127.0.0.1'], port: 53, interfaceName: 'mine', scope: '' }
  assert.deepEqual(alive, [own])
  assert.equal(daemon.open.at(-1), true, 'before the other dnslet has its answer')
  now += 59_999
  await neighbours.look()
  assert.equal(daemon.open.at(-1), true)
  now += 1
  await neighbours.look()
  assert.equal(daemon.open.at(-1), false)
  neighbours.conceal()
  assert.deepEqual((await findNeighbours()).alive, [])
})

test('one that asks during the start finds it open after that', { skip }, async (t) => {
  const { neighbours } = await meet({ args: ['-localip=127.0.0.1'] })
  t.after(() => neighbours.conceal())
  await findNeighbours()
  t.mock.timers.enable({ apis: ['setInterval'] })
  const daemon = sharing()
  neighbours.follow(daemon, ignore)
  await neighbours.look()
  assert.deepEqual(daemon.open, [true])
})

test('who asks and keeps the connection open keeps none of ours', { skip }, async (t) => {
  const presence = { addresses: ['127.0.0.1'], port: 53, interfaceName: 'mine', scope: '' }
  const announced = await announcePresence(presence)
  t.after(() => announced?.stop())
  const [, name = ''] = / @(dnslet-node-[0-9a-f]+)$/m.exec(
    readFileSync('/proc/net/unix', 'latin1'),
  )!
  const asker = connect({ path: `\0${name}`, allowHalfOpen: true })
  t.after(() => asker.destroy())
  asker.setEncoding('utf8')
  const [said] = (await once(asker, 'data')) as [string]
  assert.deepEqual(JSON.parse(said), presence)
  await once(asker, 'end')
  // Ours is closed whole, not half: what is written to it goes nowhere.
  await assert.rejects(new Promise((_resolve, reject) => asker.once('error', reject).write('?')), {
    code: 'EPIPE',
  })
})

const PRETEND = `process.setuid(65534)
require('node:net')
  .createServer((s) => process.argv[1] === '' || s.end(process.argv[1]))
  .listen('\\0dnslet-node-00', () => console.log(1))`

test(
  'another user of the node is taken for no dnslet, whether it answers or not',
  { skip },
  async (t) => {
    const presence = { addresses: ['127.0.0.1'], port: 53, interfaceName: 'mine', scope: '' }
    for (const says of ['', JSON.stringify(presence)]) {
      const child = spawn(process.execPath, ['-e', PRETEND, says], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      t.after(() => child.kill('SIGKILL'))
      await once(child.stdout, 'data')
      assert.deepEqual(await findNeighbours(), { alive: [], silent: 0 })
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
  },
)
