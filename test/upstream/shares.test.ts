import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import { Connections } from '../../src/upstream/connections.ts'
import type { Exchange } from '../../src/upstream/exchange.ts'
import { Growth } from '../../src/upstream/growth.ts'
import { Shares } from '../../src/upstream/shares.ts'
import type { TcpPool } from '../../src/upstream/tcp-pool.ts'
import type { UpstreamConnection } from '../../src/upstream/upstream-connection.ts'
import type { Owner } from '../helpers/processes.ts'
import { exchange, Log, type Manual, manual, options, tcpPool } from './channel.ts'
import { type Asked, eventually, honest, type Scripted, silent, startScripted } from './scripted.ts'

/** A question of the pool's own: whether answers come in order. */
const PROBE = 1

/** A pool whose upstream answers names that begin with `fast`, and keeps silent about all others. */
interface Crowded {
  readonly upstream: Scripted
  readonly time: Manual
  readonly host: Log
  readonly pool: TcpPool
  /** Crowds it was told of. */
  readonly told: { readonly crowds: number }
  /** Asks for `count` names that nobody answers. */
  readonly askInVain: (client: number, count: number) => void
  /** Lets looks pass, each 10 ms, until as many queries have arrived and nothing else is coming. */
  readonly settle: (asked: number) => Promise<void>
}

/** A pool before this upstream, closed with its owner. */
function open(owner: Owner, upstream: Scripted): Pick<Crowded, 'host' | 'pool' | 'time' | 'told'> {
  const time = manual()
  const host = new Log()
  const told = { crowds: 0 }
  const crowded = (): void => void told.crowds++
  const pool = tcpPool(host, options(time, upstream.port, { crowded }))
  owner.after(() => {
    time.pass(60_000)
    pool.close()
  })
  return { host, pool, time, told }
}

async function start(owner: Owner): Promise<Crowded> {
  const upstream = await startScripted(owner, (asked, n) => {
    if (asked.wire.includes('fast')) honest(asked, n)
  })
  const opened = open(owner, upstream)
  const { pool, time } = opened
  return {
    ...opened,
    upstream,
    askInVain: (client, count) => {
      for (let n = 0; n < count; n++) pool.ask(of(client, `dead${client}n${n}`))
    },
    settle: async (asked) => {
      const names = () => upstream.asked.filter(({ wire }) => wire.includes('dead')).length
      for (let look = 0; look < 100 && (names() < asked || upstream.open < 256); look++) {
        time.pass(10)
        // Connections are opened, and accepted, in real time.
        await delay(5)
      }
      assert.ok(names() >= asked, `${names()} names`)
      assert.equal(upstream.open, 256)
    },
  }
}

async function answerWithin100Ms(time: Manual, host: Log): Promise<void> {
  const until = time.clock.now + 100
  await eventually(() => {
    if (time.clock.now < until) time.pass(10)
    return host.got.length === 1
  }, 'an answer within 100 ms')
}

function of(client: number, name: string): Exchange {
  const x = exchange(name)
  x.client = client
  return x
}

test('a client whose names are never answered leaves a sixteenth to others, who pass it', async (t) => {
  const { askInVain, host, pool, settle, told, upstream } = await start(t)
  askInVain(1, 1000)
  await settle(240)
  assert.equal(upstream.asked.length, 240 + PROBE)
  for (let n = 1; n <= 50; n++) {
    pool.ask(of(2, `fast${n}`))
    await eventually(() => host.got.length === n, 'an answer, though no time passes')
  }
  assert.deepEqual(host.lostWith, [])
  assert.equal(told.crowds, 1)
})

test('several such clients share the places, and a newcomer has one within 100 ms', async (t) => {
  const { askInVain, host, pool, settle, time, upstream } = await start(t)
  for (let client = 1; client <= 5; client++) askInVain(client, 100)
  await settle(240)
  for (let look = 0; look < 10; look++) {
    time.pass(10)
    await delay(5)
  }
  for (let client = 1; client <= 5; client++) {
    const names = upstream.asked.filter(({ wire }) => wire.includes(`dead${client}n`))
    // Half of what an even share would be.
    assert.ok(names.length >= 24, `${names.length} names of client ${client}`)
  }
  pool.ask(of(9, 'fast'))
  await answerWithin100Ms(time, host)
  assert.deepEqual(host.lostWith, [], 'nothing was given up')
})

test('where all places are taken, who has most of them gives one up and waits again', async (t) => {
  const { askInVain, host, pool, settle, time, upstream } = await start(t)
  askInVain(1, 300)
  await settle(240)
  for (let client = 2; client < 18; client++) askInVain(client, 1)
  await settle(256)
  pool.ask(of(99, 'fast'))
  await answerWithin100Ms(time, host)
  assert.deepEqual(host.lostWith, [], 'nothing was given up')
  assert.equal(upstream.accepted, 257)
})

test('nobody is told of a crowd that there are places enough for', async (t) => {
  const { askInVain, pool, time, told, upstream } = await start(t)
  askInVain(1, 20)
  await eventually(() => {
    time.pass(10)
    return upstream.asked.length >= 20 + PROBE
  }, 'all names asked')
  for (let look = 0; look < 10; look++) time.pass(10)
  assert.equal(told.crowds, 0)
  assert.ok(pool.pipelining.keepsOrder)
})

test('names that are answered in time make no crowd', async (t) => {
  const { host, pool, time, told, upstream } = await start(t)
  for (let n = 0; n < 1000; n++) pool.ask(of(1, `fast${n}`))
  await eventually(() => {
    time.pass(1)
    return host.got.length === 1000
  }, 'all answers')
  assert.ok(upstream.accepted <= 8)
  assert.equal(told.crowds, 0)
})

test('one query does not stand behind 500 of another client, though all are answered in time', async (t) => {
  const upstream = await startScripted(t, silent)
  const { host, pool } = open(t, upstream)
  for (let n = 0; n < 500; n++) pool.ask(of(1, `many${n}`))
  await upstream.waitFor(2)
  for (const client of [2, 3]) pool.ask(of(client, `one${client}`))
  const before = upstream.asked.length
  upstream.script = honest
  for (const asked of upstream.asked.slice()) honest(asked, 0)
  await eventually(() => host.got.length === 502, 'all answers')
  const next = upstream.asked.slice(before, before + 4).map(({ wire }) => wire.toString('latin1'))
  for (const name of ['one2', 'one3']) {
    assert.ok(
      next.some((wire) => wire.includes(name)),
      name,
    )
  }
})

/** A pool whose windows have grown as answers came, with 1,000 queries to be asked, and what is held of them. */
async function grown(owner: Owner) {
  const upstream = await startScripted(owner, honest)
  const { host, pool, time } = open(owner, upstream)
  const ask = (): void => {
    for (let n = 0; n < 1000; n++) pool.ask(of(n % 5, `q${n}`))
  }
  ask()
  await eventually(() => host.got.length === 1000, 'all answers')
  const held: Asked[] = []
  upstream.script = (asked) => void held.push(asked)
  const release = async (): Promise<void> => {
    upstream.script = honest
    for (const asked of held) honest(asked, 0)
    await eventually(() => host.got.length === 2000, 'all answers')
  }
  return { ask, held, pool, release, time }
}

test('behind an upstream that answers in order 128 queries are in flight at most, but for one on each connection', async (t) => {
  const { ask, held, release } = await grown(t)
  ask()
  await eventually(() => held.length >= 100, 'most of them')
  await delay(20)
  assert.ok(held.length <= 128, `${held.length} in flight`)
  await release()
})

test('in any order there may be more, also while queries are kept apart as a connection has ended', async (t) => {
  const { ask, held, pool, release, time } = await grown(t)
  pool.pipelining.overtaken(time.clock.now, true)
  pool.pipelining.keepApart(time.clock.now)
  ask()
  await eventually(() => held.length > 128, 'more of them')
  await release()
})

test('where answers come in any order after all, a crowd waits for nothing: a connection has room for many', async (t) => {
  const { askInVain, host, pool, settle, time, told } = await start(t)
  askInVain(1, 300)
  await settle(240)
  assert.equal(told.crowds, 1)
  pool.pipelining.overtaken(time.clock.now, true)
  pool.ask(of(1, 'fast'))
  await answerWithin100Ms(time, host)
})

test('where the upstream takes one connection, nothing of it is kept from a crowd', () => {
  const time = manual()
  const connections = new Connections()
  const growth = new Growth(false)
  const shares = new Shares(connections, growth)
  // Only counted, and late: opened by nobody.
  const late = { holder: 7, owed: 1, isReady: true } as unknown as UpstreamConnection
  connections.add(late)
  growth.limit.refused(1, time.clock.now)
  assert.ok(shares.look([late], time.clock.now))
  connections.setAside(() => true)
  assert.ok(!shares.holdsBack())
  growth.limit.refused(2, time.clock.now)
  assert.ok(shares.holdsBack(), 'of two, one is for others')
})
