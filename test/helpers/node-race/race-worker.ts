// One of the two threads of a race, pinned to a CPU of its own. The leader opens a connected socket
// for each pair and sends A, the follower AAAA, both at the same moment.
import { execFileSync } from 'node:child_process'
import { readlinkSync } from 'node:fs'
import { workerData } from 'node:worker_threads'

import { libc as loadedLibc } from '../../../src/sys/libc.ts'
import { addressQuery } from '../node-probe/message.ts'
import { monotonic } from '../node-probe/monotonic.ts'
import { Target, udpSocket } from '../node-probe/udp-socket.ts'
import { Id, type RaceOptions, Word, pairName } from './shared.ts'

const { options, words, cpu } = workerData as {
  options: RaceOptions
  words: Int32Array<SharedArrayBuffer>
  cpu: number
}
const { libc, reason } = loadedLibc()
if (libc === null) throw new Error(reason)
const c = libc
const thread = readlinkSync('/proc/thread-self').split('/').at(-1)!
execFileSync('taskset', ['-cp', String(cpu), thread])

// Waiting for the other must not go on for ever: it may have died.
const SPINS = 1e9
const sleeper = new Int32Array(new SharedArrayBuffer(4))

if (cpu === 0) lead()
else follow()

function lead(): void {
  const target = new Target(c, options.server)
  const start = monotonic()
  for (let pair = 1; pair <= options.pairs; pair++) {
    const due = start + (pair * 1000) / options.rate - monotonic()
    if (due > 0) Atomics.wait(sleeper, 0, 0, due)
    const query = queryOf(pair, 'A')
    const fd = udpSocket(c, false)
    if (c.connect(fd, target.bytes, target.length) < 0) throw new Error('Cannot connect')
    words[Word.Fds + pair] = fd
    Atomics.store(words, Word.Prepare, pair)
    Atomics.notify(words, Word.Prepare)
    spinUntil(Word.Ready, pair)
    Atomics.store(words, Word.Go, pair)
    c.send(fd, query, query.length, 0)
  }
}

function follow(): void {
  for (let pair = 1; pair <= options.pairs; pair++) {
    const query = queryOf(pair, 'AAAA')
    Atomics.wait(words, Word.Prepare, pair - 1, 30_000)
    const fd = words[Word.Fds + pair]!
    Atomics.store(words, Word.Ready, pair)
    spinUntil(Word.Go, pair)
    c.send(fd, query, query.length, 0)
  }
}

function queryOf(pair: number, type: 'A' | 'AAAA'): Buffer {
  const query = addressQuery(pairName(options.label, pair), type)
  query.writeUInt16BE(Id[type], 0)
  return query
}

function spinUntil(word: number, value: number): void {
  for (let i = 0; i < SPINS; i++) if (Atomics.load(words, word) === value) return
  throw new Error('Cannot race: the other thread does not come')
}
