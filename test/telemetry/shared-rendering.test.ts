import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'

import { SharedRendering } from '../../src/telemetry/shared-rendering.ts'

interface Scripted {
  readonly shared: SharedRendering<string>
  /** When a rendering began, and what of. */
  readonly began: string[]
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
  const shared = new SharedRendering<string>({
    now: () => time,
    later: (run, ms) => void due.push({ at: time + ms, run }),
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
  test('renders for each of five who ask one after another, then once a second', async () => {
    const { shared, began, advance } = scripted()
    for (let i = 0; i < 5; i++) assert.equal(await shared.ask('text', 'a'), 'text at 0')
    assert.equal(began.length, 5)
    const late = [shared.ask('text', 'a')!, shared.ask('text', 'b')!]
    await advance(400)
    late.push(shared.ask('text', 'c')!)
    await advance(599)
    assert.equal(began.length, 5)
    await advance(1)
    assert.deepEqual(await Promise.all(late), Array<string>(3).fill('text at 1000'))
    assert.equal(began.length, 6)
    const next = shared.ask('text', 'a')
    await advance(999)
    assert.equal(began.length, 6)
    await advance(1)
    assert.equal(await next, 'text at 2000')
  })

  test('after five seconds five may ask at once again, and no more', async () => {
    const { shared, began, advance } = scripted()
    for (let i = 0; i < 5; i++) await shared.ask('text', 'a')
    await advance(60_000)
    for (let i = 0; i < 5; i++) assert.equal(await shared.ask('text', 'a'), 'text at 60000')
    void shared.ask('text', 'a')
    await advance(999)
    assert.equal(began.length, 10)
  })

  test('gives who asks during a rendering the next one: figures are never older than a question', async () => {
    const { shared, began, finish } = scripted({ held: true })
    const first = shared.ask('text', 'a')
    const second = shared.ask('text', 'a')
    let told = false
    void second?.then(() => (told = true))
    assert.equal(began.length, 1)
    await finish()
    await first
    assert.equal(told, false)
    assert.equal(began.length, 2)
    await finish()
    await second
  })

  test('renders each form that is asked for once', async () => {
    const { shared, began, advance } = scripted()
    for (let i = 0; i < 5; i++) await shared.ask('text', 'a')
    const both = ['text', 'open', 'open'].map((form) => shared.ask(form, 'a')!)
    await advance(1_000)
    const forms = ['text at 1000', 'open at 1000', 'open at 1000']
    assert.deepEqual(await Promise.all(both), forms)
    assert.equal(began.length, 7)
  })

  test('tells who asked of an error, and renders for the next', async () => {
    const { shared } = scripted()
    await assert.rejects(shared.ask('bad', 'a')!, /no figures/)
    assert.equal(await shared.ask('text', 'a'), 'text at 0')
  })

  test('lets 64 wait, half of them of one client', () => {
    const { shared } = scripted({ held: true })
    void shared.ask('text', 'a')
    const waits = (client: string): boolean => shared.ask('text', client) !== null
    for (let i = 0; i < 32; i++) assert.equal(waits('a'), true)
    assert.equal(waits('a'), false)
    for (let i = 0; i < 32; i++) assert.equal(waits('b'), true)
    assert.equal(waits('c'), false)
  })
})
