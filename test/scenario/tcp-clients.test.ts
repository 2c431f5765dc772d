// Clients on TCP, as musl without EDNS and `use-vc` have them: 10,000 connections a minute from 200 pods. Some
// pipeline, close their side first, read slowly or never, ask nothing or leave before the answer: nobody else notices.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import { HEADER_SIZE, readFlags, readId } from '../../src/wire/header.ts'
import { requireTools } from '../helpers/debian.ts'
import { startDnslet } from '../helpers/dnslet.ts'
import { inFull } from '../helpers/node-model/scenario.ts'
import { startNsd } from '../helpers/nsd.ts'
import { enterOwnNetwork, ip } from '../helpers/own-network.ts'
import { message } from '../wire/message.ts'

const skip = requireTools('ip', 'nsd') || enterOwnNetwork() || false

const ADDRESS = '169.254.20.10'
const UPSTREAM = 5353
const PODS = 200
/** Connections a second, for how long, and of how many one more is silent: 10,000 a minute; then more than have places. */
const RUNS = inFull(
  [
    [10_000 / 60, 60_000, Infinity],
    [1_500, 15_000, 2],
  ] as const,
  [[10_000 / 60, 1_000, Infinity]] as const,
)
/** An ordinary client has given up by then. */
const PATIENCE_MS = 5_000
/** Who wants nothing stays so long. */
const STAY_MS = inFull(3_000, 500)
/** Answers of some names are as long as over TCP alone. */
const LONG = 100

/** What of a hundred connections each does; those that are not `ordinary` want nothing, or do not wait for it. */
const manners = [
  { name: 'one query', part: 50, queries: 1, ordinary: true },
  { name: 'A and AAAA', part: 15, queries: 2, ordinary: true },
  { name: 'half-closed', part: 10, queries: 1, ordinary: true, halfClosed: true },
  { name: 'pipelined', part: 3, queries: 100, ordinary: true },
  { name: 'slow reader', part: 4, queries: 10, ordinary: true, slow: true },
  { name: 'octet by octet', part: 3, queries: 1, ordinary: true, trickles: true },
  { name: 'silent', part: 8, queries: 0, ordinary: false },
  { name: 'gone before the answer', part: 5, queries: 1, ordinary: false, leaves: true },
  { name: 'never reads', part: 2, queries: 100, ordinary: false, neverReads: true },
] as const
type Manner = (typeof manners)[number] & {
  readonly halfClosed?: boolean
  readonly slow?: boolean
  readonly trickles?: boolean
  readonly leaves?: boolean
  readonly neverReads?: boolean
}

const all: readonly Manner[] = manners.flatMap((one) => Array<Manner>(one.part).fill(one))

const silent = all.find(({ name }) => name === 'silent')!

class Client {
  readonly manner: Manner
  readonly #socket: Socket
  readonly #waiting = new Set<number>()
  #unread = Buffer.alloc(0)
  #hasEnded = false
  failure = ''

  constructor(manner: Manner, number: number) {
    this.manner = manner
    const localAddress = `10.244.0.${(number % PODS) + 1}`
    this.#socket = connect({ host: ADDRESS, port: 53, localAddress, allowHalfOpen: true })
    this.#socket.on('error', ({ message: why }) => (this.failure ||= why))
    this.#socket.on('end', () => (this.#hasEnded = true))
    this.#socket.on('connect', () => this.#ask(number))
    if (manner.neverReads === true) this.#socket.pause()
    else this.#socket.on('data', (chunk) => this.#read(chunk))
  }

  #ask(number: number): void {
    const { queries, halfClosed, trickles, leaves } = this.manner
    const frames = Array.from({ length: queries }, (_, id) => {
      this.#waiting.add(id)
      // Of those that pipeline, some names are known and others not: answers come in any order.
      const name =
        id % 7 === 6
          ? `n${number}-${id}.w.test`
          : id % 5 === 4
            ? 'long.test'
            : `n${number % 50}.w.test`
      const query = message({ id, name, flags: 0x0100 })
      return Buffer.concat([Buffer.from([query.length >> 8, query.length]), query])
    })
    const octets = Buffer.concat(frames)
    if (trickles === true) void this.#trickle(octets)
    else if (octets.length > 0) this.#socket.write(octets)
    if (halfClosed === true) this.#socket.end()
    if (leaves === true) this.#socket.destroySoon()
  }

  async #trickle(octets: Buffer): Promise<void> {
    this.#socket.setNoDelay(true)
    for (const octet of octets) {
      this.#socket.write(Buffer.of(octet))
      await delay(5)
    }
  }

  #read(chunk: Buffer): void {
    if (this.manner.slow === true) {
      this.#socket.pause()
      setTimeout(() => this.#socket.resume(), 20)
    }
    this.#unread = Buffer.concat([this.#unread, chunk])
    while (this.#unread.length >= 2) {
      const end = 2 + this.#unread.readUInt16BE()
      if (this.#unread.length < end) break
      const reply = this.#unread.subarray(2, end)
      if (!this.#waiting.delete(readId(reply))) this.failure ||= 'an answer that nobody asked for'
      if ((readFlags(reply) & 15) !== 0 || reply.length <= HEADER_SIZE) this.failure ||= 'no answer'
      this.#unread = this.#unread.subarray(end)
    }
  }

  /** Whether it has what it came for, the end of the stream included where it waits for that. */
  get isDone(): boolean {
    const { queries, halfClosed } = this.manner
    if (this.failure !== '') return true
    const isAnswered = this.#socket.bytesWritten > queries && this.#waiting.size === 0
    return isAnswered && (halfClosed !== true || this.#hasEnded)
  }

  close(): void {
    this.#socket.destroy()
  }
}

/** CPU time of a process, in microseconds. */
function cpuTime(pid: number): number {
  const nanoseconds = readdirSync(`/proc/${pid}/task`).map((task) =>
    Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]),
  )
  return nanoseconds.reduce((sum, one) => sum + one, 0) / 1_000
}

/** Opens connections for so long; those that came to nothing by manner, and how many queries were asked. */
async function crowd(rate: number, milliseconds: number, silentOf: number) {
  const failed: string[] = []
  let queries = 0
  let open: { client: Client; since: number }[] = []
  const start = performance.now()
  const most = Math.round((rate * milliseconds) / 1_000)
  for (let count = 0; count < most || open.length > 0;) {
    const now = performance.now()
    for (; count < Math.min(most, ((now - start) / 1_000) * rate); count++) {
      // Each manner from each pod, in turn.
      const manner = count % silentOf === 1 ? silent : all[(count * 37) % all.length]!
      open.push({ client: new Client(manner, count), since: now })
      queries += manner.queries
    }
    await delay(2)
    const stays: typeof open = []
    for (const one of open) {
      const { client, since } = one
      const { ordinary, name } = client.manner
      const isLate = performance.now() - since > (ordinary ? PATIENCE_MS : STAY_MS)
      if (!(ordinary && client.isDone) && !isLate) stays.push(one)
      else {
        if (ordinary && (client.failure !== '' || !client.isDone))
          failed.push(`${name}: ${client.failure || 'late'}`)
        client.close()
      }
    }
    open = stays
  }
  return { failed, queries, connections: most }
}

test('200 pods that ask over TCP', { skip }, async (t) => {
  ip(`addr add ${ADDRESS}/32 dev lo`)
  ip('route add local 10.244.0.0/24 dev lo')
  const long = Array.from({ length: LONG }, (_, i) => `long A 10.0.${i}.1`).join('\n')
  const zone =
    '$TTL 60\n@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\n*.w A 10.1.2.3\n'
  await startNsd(t, { 'test.': `${zone}${long}` }, '127.0.0.1', UPSTREAM)
  const corefile = `.:53 {
    bind ${ADDRESS}
    cache 30
    forward . 127.0.0.1:${UPSTREAM} {
        force_tcp
    }
}
`
  const { process: daemon } = await startDnslet(t, corefile, {
    ready: { address: ADDRESS, port: 53 },
  })
  for (const [rate, milliseconds, silentOf] of RUNS) {
    const before = cpuTime(daemon.pid)
    const { failed, queries, connections } = await crowd(rate, milliseconds, silentOf)
    t.diagnostic(
      `${rate.toFixed(0)}/s: ${connections} connections, ${queries} queries, ${failed.length} failed, ` +
        `${((cpuTime(daemon.pid) - before) / queries).toFixed(0)} µs of CPU time a query`,
    )
    assert.deepEqual(failed, [])
  }
})
