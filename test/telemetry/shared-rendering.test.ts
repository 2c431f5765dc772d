import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'

import { SharedRendering } from '../../src/telemetry/shared-rendering.ts'

interface Scripted {
  readonly shared: SharedRendering<string>
  /** When a rendering began, and what of. */
  readonly began: string[]
  /** Pauses between two answers so far. */
  readonly pauses: () => number
  /** Lets time pass. */
  readonly advance: (ms: number) => Promise<void>
  /** Ends the rendering under way. */
  readonly finish: () => Promise<void>
}

function scripted({ held = false } = {}): Scripted {
  let time = 0
  let due: { at: number; run: () => void }[] = []
  const ends: (() => void)[] = []
  const began: string[] = []
  let pauses = 0
  const shared = new SharedRendering<string>({
    now: () => time,
    later: (run, ms) => void due.push({ at: time + ms, run }),
    async pause() {
      pauses++
    },
    async render(form) {
      const name = `${form} at ${time}`
      began.push(name)
      if (form === 'bad') throw new Error('no figures')
      if (held) await new Promise<void>((resolve) => ends.push(resolve))
      return name
    },
  })
  return {
    shared,
    began,
    pauses: () => pauses,
    async advance(ms) {
      time += ms
      const now = due.filter(({ at }) => at <= time)
      due = due.filter(({ at }) => at > time)
      for (const { run } of now) run()
      await nextTurn()
    },
    async finish() {
      ends.shift()?.()
      await nextTurn()
    },
  }
}

describe('SharedRendering', () => {
  test('renders at once after a second without, else once a second', async () => {
    const { shared, began, advance, pauses } = scripted()
    assert.equal(await shared.ask('text', 'a'), 'text at 0')
    const late = [shared.ask('text', 'a'), shared.ask('text', 'b')]
    await advance(400)
    late.push(shared.ask('text', 'c'))
    await advance(599)
    assert.equal(began.length, 1)
    await advance(1)
    assert.deepEqual(await Promise.all(late), Array<string>(3).fill('text at 1000'))
    assert.equal(pauses(), 2)
    const next = shared.ask('text', 'a')
    await advance(999)
    assert.equal(began.length, 2)
    await advance(1)
    assert.equal(await next, 'text at 2000')
    await advance(60_000)
    assert.equal(await shared.ask('text', 'a'), 'text at 62000')
  })

  test('gives who asks during a rendering the next one: figures are never older than a question', async () => {
    const { shared, began, advance, finish } = scripted({ held: true })
    const first = shared.ask('text', 'a')
    const second = shared.ask('text', 'a')
    let told = false
    void second?.then(() => (told = true))
    assert.equal(began.length, 1)
    await finish()
    await first
    assert.equal(told, false)
    await advance(1_000)
    assert.equal(began.length, 2)
    await finish()
    await second
  })

  test('renders one form a second, who waits longest first', async () => {
    const { shared, advance } = scripted()
    await shared.ask('text', 'a')
    const both = ['open', 'text', 'open'].map((form) => shared.ask(form, 'a'))
    await advance(1_000)
    await advance(1_000)
    const forms = ['open at 1000', 'text at 2000', 'open at 1000']
    assert.deepEqual(await Promise.all(both), forms)
  })

  test('tells who asked of an error, and renders for the next', async () => {
    const { shared, advance } = scripted()
    await assert.rejects(shared.ask('bad', 'a'), /no figures/)
    const next = shared.ask('text', 'a')
    await advance(1_000)
    assert.equal(await next, 'text at 1000')
  })

  test('16 share one; the others of who waits most often are turned away then', async () => {
    const { shared, advance } = scripted()
    await shared.ask('text', 'a')
    const hostile = Array.from({ length: 40 }, () => shared.ask('text', 'a'))
    const decent = [shared.ask('text', 'b'), shared.ask('text', 'b')]
    let told = 0
    for (const one of hostile) void one.then(() => told++)
    await advance(999)
    assert.equal(told, 0)
    await advance(1)
    assert.deepEqual(await Promise.all(decent), ['text at 1000', 'text at 1000'])
    const answers = await Promise.all(hostile)
    assert.equal(answers.filter((one) => one === 'text at 1000').length, 14)
    assert.equal(answers.filter((one) => one === null).length, 26)
  })

  test('64 wait to be turned away, others are at once', async () => {
    const { shared } = scripted({ held: true })
    const all = Array.from({ length: 100 }, () => shared.ask('text', 'a'))
    let told = 0
    for (const one of all) void one.then(() => told++)
    await nextTurn()
    // The first one is being rendered for.
    assert.equal(told, 100 - 1 - 16 - 64)
  })
})
