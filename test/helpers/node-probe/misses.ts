import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { addresses } from '../node-model/addresses.ts'
import type { NodeModel } from '../node-model/node-model.ts'
import { waitUntil } from '../processes.ts'

export interface MissOptions {
  /** Queries a second, 65,536 of them at most in all. */
  readonly rate: number
  readonly seconds: number
  /** A label of its own, so that no cache knows the names of an earlier one. */
  readonly label: string
}

type Sample = readonly [sentAt: number, took: number, pod: number]

/** What came of queries for names that no cache knew. Times are of `monotonic()`. */
export class Misses {
  readonly #samples: readonly Sample[]

  constructor(samples: readonly Sample[]) {
    this.#samples = samples
  }

  #between(from: number, to: number): readonly Sample[] {
    return this.#samples.filter(([sentAt]) => sentAt >= from && sentAt < to)
  }

  get count(): number {
    return this.#samples.length
  }

  /** How many of those sent in this time had no answer, or an error. */
  failed(from: number = -Infinity, to: number = Infinity): number {
    return this.#between(from, to).filter(([, took]) => took < 0).length
  }

  /** The longest that one of them took, in milliseconds. */
  longest(from: number = -Infinity, to: number = Infinity): number {
    return Math.max(...this.#between(from, to).map(([, took]) => took))
  }

  /** The part of each kube-dns pod, by its number. */
  parts(from: number, to: number, pods: number): number[] {
    const samples = this.#between(from, to)
    return Array.from(
      { length: pods },
      (_, number) => samples.filter(([, , pod]) => pod === number).length / samples.length,
    )
  }

  /** Milliseconds from this moment to the first answer after it. */
  firstAnswer(after: number): number {
    const times = this.#samples.filter(([, took]) => took >= 0).map(([at, took]) => at + took)
    return Math.min(...times.filter((time) => time >= after)) - after
  }
}

/** Asks from the pod; call the result when it is over, which it waits for. */
export function startMisses(model: NodeModel, options: MissOptions): () => Promise<Misses> {
  const { label, rate, seconds } = options
  const main = join(import.meta.dirname, 'misses-main.ts')
  const file = join(model.folder, `${label}.json`)
  const args = [addresses.ipv4.kubeDns, String(rate), String(seconds), label, file]
  const running = model.spawn('pod', [process.execPath, main, ...args])
  return async () => {
    await waitUntil('the queries', () => running.ended() !== null, running, seconds + 30)
    return new Misses(JSON.parse(readFileSync(file, 'utf8')) as Sample[])
  }
}
