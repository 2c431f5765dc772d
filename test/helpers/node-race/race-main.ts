// A race in a process of its own, inside a namespace: `node race-main.ts OPTIONS`. Prints how many
// pairs of A and AAAA got both answers, as JSON.
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'

import { type Libc, libc as loadedLibc } from '../../../src/sys/libc.ts'
import { type RaceOptions, Word } from './shared.ts'

/** The slowest server answers after 1.5 s, and dnslet answers SERVFAIL after 4.4 s. */
const PATIENCE_MS = 5_000

const options = JSON.parse(process.argv[2] ?? '') as RaceOptions
const { libc, reason } = loadedLibc()
if (libc === null) throw new Error(reason)
const words = new Int32Array(new SharedArrayBuffer(4 * (Word.Fds + options.pairs + 1)))
const threads = [0, 1].map((cpu) => {
  const workerData = { options, words, cpu }
  return new Worker(join(import.meta.dirname, 'race-worker.ts'), { workerData })
})
await Promise.all(threads.map((thread) => once(thread, 'exit')))
await delay(PATIENCE_MS)
let complete = 0
for (const fd of words.subarray(Word.Fds + 1)) if (answersOn(libc, fd) === 2) complete++
console.log(JSON.stringify({ pairs: options.pairs, complete }))
process.exit(0)

/** How many of the two queries on a socket were answered without an error. */
function answersOn(c: Libc, fd: number): number {
  const answer = Buffer.alloc(512)
  const ids = new Set<number>()
  while (c.recv(fd, answer, answer.length, 0) > 0) {
    if ((answer[3]! & 15) === 0) ids.add(answer.readUInt16BE(0))
  }
  return ids.size
}
