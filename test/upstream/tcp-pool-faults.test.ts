import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'

import { Result } from '../../src/upstream/counters.ts'
import { type Exchange, ExchangeState } from '../../src/upstream/exchange.ts'
import type { TcpPool } from '../../src/upstream/tcp-pool.ts'
import { UpstreamConnection } from '../../src/upstream/upstream-connection.ts'
import type { Owner } from '../helpers/processes.ts'
import { exchange, Log, type Manual, manual, options, tcpPool } from './channel.ts'
import { answerTo, type Asked, eventually, honest, type Script, startScripted } from './scripted.ts'

/** Lets what lies ready in sockets be read. */
async function turns(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise(setImmediate)
}

/** Asks each name when the one before has its answer. */
async function askInTurn(pool: TcpPool, host: Log, names: readonly string[]): Promise<void> {
  for (const name of names) await askTogether(pool, host, [name])
}

async function askTogether(pool: TcpPool, host: Log, names: readonly string[]): Promise<void> {
  const wanted = host.got.length + names.length
  for (const name of names) pool.ask(exchange(name))
  await eventually(() => host.got.length === wanted, `answers to ${names.join(', ')}`)
}

/**
 * Whether queries may share a connection, once answers have come for which no time passed: those before may have taken
 * long, by a clock that goes on while a busy machine brings them.
 */
async function isDeep(pool: TcpPool, host: Log): Promise<boolean> {
  for (let n = 0; n < 40 && pool.pipelining.deepest === 1; n++) {
    await askTogether(pool, host, [`more${n}`])
  }
  return pool.pipelining.deepest > 1
}

/** Asks 40 names of a server that answers the first of what one read has brought; `rest` is given the other answers. */
async function askJoined(t: TestContext, rest: (answer: () => void) => void) {
  const busy = new Set<unknown>()
  const upstream = await startScripted(t, (asked, n) => {
    if (busy.has(asked.socket)) return rest(() => honest(asked, n))
    busy.add(asked.socket)
    setImmediate(() => busy.delete(asked.socket))
    honest(asked, n)
  })
  const time = manual()
  const host = new Log()
  const pool = tcpPool(host, options(time, upstream.port))
  const all = Array.from({ length: 40 }, (_, i) => exchange(`q${i}`))
  for (const x of all) pool.ask(x)
  for (let look = 0; look < 20; look++) {
    time.pass(10)
    await turns()
  }
  return { all, host, pool, time }
}

/** Asks for a name until it is answered, each time on another connection; returns how often it was asked. */
async function insist(pool: TcpPool, host: Log, time: Manual, name: string): Promise<number> {
  const wanted = host.got.length + 1
  const attempts: Exchange[] = []
  while (host.got.length < wanted) {
    const x = exchange(name)
    x.again = attempts.length > 0
    x.avoid = attempts.at(-1)?.carrier ?? null
    attempts.push(x)
    pool.ask(x)
    for (let look = 0; look < 10 && host.got.length < wanted; look++) {
      time.pass(10)
      await turns()
    }
  }
  for (const x of attempts) {
    if (x.carrier === null) continue
    pool.beaten(x)
    x.carrier.cancel(x)
  }
  return attempts.length
}

interface Free {
  readonly pool: TcpPool
  readonly time: Manual
}

/** A pool whose upstream is known to answer in any order; each connection keeps a slow name. */
async function startFree(owner: Owner): Promise<Free> {
  const held: Asked[] = []
  const all: Script = (asked, n) => {
    if (asked.wire.includes('slow')) held.push(asked)
    else honest(asked, n)
  }
  const upstream = await startScripted(owner, all)
  const time = manual()
  const host = new Log()
  const pool = tcpPool(host, options(time, upstream.port))
  owner.after(() => pool.close())
  const askSlow = (): void => pool.ask(exchange('slow'))
  askSlow()
  askSlow()
  pool.ask(exchange('overtakes'))
  await upstream.waitFor(2)
  await eventually(() => {
    time.pass(1)
    return host.got.length === 1 && !pool.pipelining.keepsOrder
  }, 'the probe and one that waited overtake')
  while (new Set(held.map(({ port }) => port)).size < upstream.open) {
    // Those that hold one are late by now, so that the next one takes another connection.
    time.pass(150)
    askSlow()
    await upstream.waitFor(upstream.asked.length + 1)
  }
  return { pool, time }
}

describe('TcpPool, what is learnt wrongly and who waits for nothing', () => {
  test('a quota is forgotten after a minute, also under load', async (t) => {
    let quota = true
    const upstream = await startScripted(t, (asked, n) => {
      honest(asked, n)
      if (quota) asked.socket!.end()
    })
    const time = manual()
    const host = new Log()
    const pool = tcpPool(host, options(time, upstream.port))
    await askInTurn(pool, host, ['a', 'b', 'c', 'd'])
    quota = false
    for (let second = 0; second < 62; second++) {
      time.pass(1000)
      await askInTurn(pool, host, [`q${second}`])
    }
    const accepted = upstream.accepted
    await askInTurn(pool, host, ['e', 'f', 'g', 'h'])
    assert.ok(upstream.accepted <= accepted + 1, 'their connection was used again')
    pool.close()
  })

  test('a server that is silent after an answer gets one query on each connection', async (t) => {
    const heard = new Set<unknown>()
    const upstream = await startScripted(t, (asked, n) => {
      if (!heard.has(asked.socket)) honest(asked, n)
      heard.add(asked.socket)
    })
    const time = manual()
    const host = new Log()
    const pool = tcpPool(host, options(time, upstream.port))
    const attempts: number[] = []
    for (let i = 0; i < 20; i++) attempts.push(await insist(pool, host, time, `q${i}`))
    assert.deepEqual(attempts.slice(-8), [1, 1, 1, 1, 1, 1, 1, 1])
    pool.close()
  })

  test('in any order, but with a quota, slow names leave connections for others', async (t) => {
    const upstream = await startScripted(t, (asked, n) => {
      if (asked.wire.includes('slow')) return
      honest(asked, n)
      asked.socket!.end()
    })
    const time = manual()
    const host = new Log()
    const pool = tcpPool(host, options(time, upstream.port))
    await askInTurn(pool, host, ['a', 'b', 'c', 'd'])
    pool.pipelining.overtaken(time.clock.now, true)
    for (let i = 0; i < 20; i++) pool.ask(exchange(`slow${i}`))
    pool.ask(exchange('fast'))
    for (let look = 0; look < 50; look++) {
      time.pass(10)
      await turns()
    }
    assert.equal(host.got.at(-1), 'fast')
    time.pass(60_000)
    pool.close()
  })

  test('what a server forgets of queries that it reads together is asked again, one at a time', async (t) => {
    const { all, host, pool, time } = await askJoined(t, () => {})
    const forgotten = all.filter(({ carrier }) => carrier !== null)
    assert.ok(forgotten.length > 1)
    const [first] = forgotten
    assert.equal(first!.isJoined, true)
    // A further attempt of its query was answered.
    pool.beaten(first!)
    await eventually(() => {
      time.pass(10)
      return host.got.length === 40
    }, 'all answers')
    await askTogether(pool, host, ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'])
    assert.equal(pool.pipelining.deepest, 1)
    time.pass(61_000)
    assert.ok(await isDeep(pool, host), 'for a minute')
    pool.close()
  })

  test('queries that are read together and answered late are not held for forgotten', async (t) => {
    const late: (() => void)[] = []
    const { all, host, pool, time } = await askJoined(t, (answer) => void late.push(answer))
    const joined = all.find(({ carrier, isJoined }) => carrier !== null && isJoined)
    pool.beaten(joined!)
    for (const answer of late) answer()
    await turns()
    await eventually(() => {
      time.pass(10)
      return host.got.length === 40
    }, 'all answers')
    assert.ok(await isDeep(pool, host))
    pool.close()
  })

  test('a server that takes one connection answers all', async (t) => {
    const upstream = await startScripted(t, honest, 0, 1)
    const time = manual()
    const host = new Log()
    const pool = tcpPool(host, options(time, upstream.port))
    for (let i = 0; i < 50; i++) pool.ask(exchange(`q${i}`))
    await eventually(() => {
      time.pass(10)
      return host.got.length === 50
    }, 'all answers')
    assert.deepEqual(host.lostWith, [])
    pool.close()
  })

  test('names that are never answered leave places for others', async (t) => {
    const upstream = await startScripted(t, (asked, n) => {
      if (asked.wire.includes('fast')) honest(asked, n)
    })
    const time = manual()
    const host = new Log()
    const pool = tcpPool(host, options(time, upstream.port))
    for (let i = 0; i < 300; i++) pool.ask(exchange(`dead${i}`))
    for (let look = 0; look < 20; look++) {
      time.pass(10)
      await turns()
    }
    pool.ask(exchange('fast'))
    for (let look = 0; look < 20; look++) {
      time.pass(100)
      await turns()
    }
    for (let look = 0; look < 10; look++) {
      time.pass(10)
      await turns()
    }
    assert.deepEqual(host.got, ['fast'])
    assert.deepEqual(new Set(host.lostWith.map(([result]) => result)), new Set([Result.Timeout]))
    time.pass(60_000)
    pool.close()
  })

  test('who avoids the only connection holds up nobody', async (t) => {
    const held: Asked[] = []
    const script: Script = (asked, n) => {
      if (asked.wire.includes('slow')) held.push(asked)
      else honest(asked, n)
    }
    const upstream = await startScripted(t, script, 0, 1)
    const time = manual()
    const host = new Log()
    const pool = tcpPool(host, options(time, upstream.port))
    const many = (what: string): string[] => Array.from({ length: 40 }, (_, i) => `${what}${i}`)
    for (const name of many('a')) pool.ask(exchange(name))
    await eventually(() => {
      time.pass(10)
      return host.got.length === 40
    }, 'answers over the one connection there may be')
    time.pass(1001)
    await askTogether(pool, host, many('b'))
    const slow = exchange('slow')
    pool.ask(slow)
    await askTogether(pool, host, ['overtakes'])
    held[0]!.reply(answerTo(held[0]!.wire))
    await eventually(() => !pool.pipelining.keepsOrder, 'it is known that any order goes')
    const other = exchange('slow')
    pool.ask(other)
    const second = exchange('slow')
    second.avoid = other.carrier
    pool.ask(second)
    await askTogether(pool, host, ['fast'])
    assert.equal(second.sentAt, 0)
    pool.close()
  })

  test('where any order goes, nobody waits for a dial that takes its time', async (t) => {
    const { pool, time } = await startFree(t)
    time.pass(200)
    const fast = exchange('fast')
    pool.ask(fast)
    for (let i = 0; i < 2; i++) time.pass(10)
    assert.ok(!(fast.carrier instanceof UpstreamConnection), 'a dial is under way')
    for (let i = 0; i < 5; i++) time.pass(10)
    assert.ok(fast.carrier instanceof UpstreamConnection)
  })

  test('what a server has not accepted is not tried again and again', async (t) => {
    const accepted = new Set<number>()
    const upstream = await startScripted(t, (asked, n) => {
      // The kernel's queue takes further connections, and nobody reads what is sent there.
      if (accepted.size < 2) accepted.add(asked.port)
      if (accepted.has(asked.port) && !asked.wire.includes('slow')) honest(asked, n)
    })
    const time = manual()
    const host = new Log()
    const pool = tcpPool(host, options(time, upstream.port))
    for (const name of ['slow1', 'slow2', 'fast']) pool.ask(exchange(name))
    await upstream.waitFor(2)
    for (let look = 0; look < 60; look++) {
      time.pass(10)
      await turns()
    }
    assert.deepEqual(host.got, ['fast'])
    pool.close()
  })

  test('a query behind an abandoned one is taken back', async (t) => {
    const upstream = await startScripted(t, honest)
    const time = manual()
    const host = new Log()
    const pool = tcpPool(host, options(time, upstream.port))
    await askTogether(
      pool,
      host,
      Array.from({ length: 40 }, (_, i) => `w${i}`),
    )
    const blocked = new Set<number>()
    upstream.script = (asked, n) => {
      if (asked.wire.includes('slow')) blocked.add(asked.port)
      if (!blocked.has(asked.port)) honest(asked, n)
    }
    const slow = Array.from({ length: 8 }, (_, i) => exchange(`slow${i}`))
    for (const x of slow) pool.ask(x)
    const behind = exchange('behind')
    pool.ask(behind)
    await upstream.waitFor(49)
    for (const x of slow) x.carrier!.cancel(x)
    for (let look = 0; look < 5; look++) {
      time.pass(10)
      await turns()
    }
    assert.deepEqual(host.got.slice(40), ['behind'])
    pool.close()
  })

  test('a probe says that it overtook a query, also where nobody waits for that any more', async (t) => {
    let probe: Asked | null = null
    const upstream = await startScripted(t, (asked) => {
      if (asked.wire[12] === 0) probe = asked
    })
    const time = manual()
    const pool = tcpPool(new Log(), options(time, upstream.port))
    const xs = ['a', 'b', 'c'].map((name) => exchange(name))
    for (const x of xs) pool.ask(x)
    await upstream.waitFor(2)
    time.pass(10)
    await eventually(() => probe !== null, 'the probe')
    time.pass(10)
    for (const x of xs) x.carrier!.cancel(x)
    probe!.reply(answerTo(probe!.wire, 0x8180, 0))
    await eventually(() => !pool.pipelining.keepsOrder, 'it is known that any order goes')
    pool.close()
  })

  test('a connection that ended at once is no limit for long', async (t) => {
    const upstream = await startScripted(t, ({ wire, socket }) => {
      if (wire.includes('deadly')) socket!.destroy()
    })
    const time = manual()
    const pool = tcpPool(new Log(), options(time, upstream.port))
    pool.ask(exchange('first'))
    await upstream.waitFor(1)
    time.pass(10)
    pool.ask(exchange('deadly'))
    await upstream.waitFor(2)
    await eventually(() => upstream.open === 1, 'the second connection ends')
    for (let i = 0; i < 40; i++) pool.ask(exchange(`q${i}`))
    for (let look = 0; look < 100; look++) {
      time.pass(10)
      await turns()
    }
    assert.ok(upstream.open > 32, `${upstream.open} connections after a second`)
    time.pass(60_000)
  })

  test('names that end their connections are no limit for others while slow ones hold what there is', async (t) => {
    const upstream = await startScripted(t, (asked, n) => {
      if (asked.wire.includes('deadly')) asked.socket!.destroy()
      else if (!asked.wire.includes('slow')) honest(asked, n)
    })
    const time = manual()
    const host = new Log()
    const pool = tcpPool(host, options(time, upstream.port))
    await askInTurn(pool, host, ['a', 'b'])
    // Each connection keeps what it was given: the root's name servers, too, wait behind that.
    upstream.script = (asked, n) => {
      if (blocked.has(asked.port)) return
      if (asked.wire.includes('slow')) blocked.add(asked.port)
      else if (asked.wire.includes('deadly')) asked.socket!.destroy()
      else honest(asked, n)
    }
    const blocked = new Set<number>()
    for (let i = 0; i < 30; i++) pool.ask(exchange(i % 3 === 2 ? `deadly${i}` : `slow${i}`))
    pool.ask(exchange('fast'))
    let looks = 0
    while (!host.got.includes('fast') && ++looks < 200) {
      time.pass(10)
      await turns()
    }
    assert.ok(looks < 30, `answered after ${looks} looks`)
    pool.close()
    time.pass(60_000)
  })

  test('a query that is dropped on a new connection does not cost that, where others are answered there', async (t) => {
    const upstream = await startScripted(t, (asked, n) => {
      if (!asked.wire.includes('dropped')) honest(asked, n)
    })
    const time = manual()
    const host = new Log()
    const pool = tcpPool(host, options(time, upstream.port))
    await askInTurn(pool, host, ['a'])
    pool.pipelining.overtaken(time.clock.now, true)
    for (let i = 0; i < 2; i++) pool.ask(exchange(`dropped${i}`))
    for (let look = 0; look < 60; look++) {
      time.pass(10)
      await turns()
    }
    assert.deepEqual([upstream.accepted, upstream.open], [2, 2])
    pool.close()
    time.pass(60_000)
  })

  test('who was late once is not late again on another connection', async (t) => {
    const upstream = await startScripted(t, () => {})
    const time = manual()
    const pool = tcpPool(new Log(), options(time, upstream.port))
    const [early, late] = [exchange('early'), exchange('late')]
    late.late = true
    late.state = ExchangeState.Late
    pool.ask(early)
    pool.ask(late)
    await upstream.waitFor(2)
    assert.deepEqual([early.timer.isSet, late.timer.isSet], [true, false])
    pool.close()
  })

  test('where many wait, the queries of a connection that ends still go on', async (t) => {
    const upstream = await startScripted(t, () => {})
    const time = manual()
    const host = new Log()
    const pool = tcpPool(host, options(time, upstream.port))
    for (const name of ['a', 'b']) pool.ask(exchange(name))
    await upstream.waitFor(2)
    time.clock.advance(200)
    for (let i = 0; i < 16_384; i++) pool.ask(exchange(`q${i}`))
    upstream.asked[0]!.socket!.destroy()
    await eventually(() => upstream.open <= 1 || upstream.accepted > 2, 'the end')
    await turns()
    assert.deepEqual(host.lostWith, [])
    pool.close()
  })

  test('a closed pool closes a connection when nobody waits on it any more', async (t) => {
    const upstream = await startScripted(t, () => {})
    const time = manual()
    const pool = tcpPool(new Log(), options(time, upstream.port))
    const x = exchange('a')
    pool.ask(x)
    await upstream.waitFor(1)
    pool.close()
    await eventually(() => upstream.open === 1, 'the idle one is closed')
    x.carrier!.cancel(x)
    time.pass(1000)
    await eventually(() => upstream.open === 0, 'closed')
  })
})
