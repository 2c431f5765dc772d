import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LostTime } from '../../src/daemon/lost-time.ts'

/** Clocks that go on by themselves only where a test says so. */
class Machine {
  wall = 1_700_000_000_000
  monotonic = 5_000
  /** Milliseconds for which the process stands still between two looks at a clock. */
  pause = 0
  readonly lost: LostTime

  constructor() {
    this.lost = new LostTime({
      wall: () => this.#pass(this.pause).wall,
      monotonic: () => this.monotonic,
    })
  }

  #pass(ms: number): this {
    this.wall += ms
    this.monotonic += ms
    return this
  }

  /** What is found to be lost after so many seconds, and so many milliseconds of the wall clock alone. */
  after(seconds: number, alone = 0): number {
    this.#pass(seconds * 1000)
    this.wall += alone
    return this.lost.look()
  }
}

test('a machine that was suspended has lost the time that its wall clock tells, once', () => {
  const machine = new Machine()
  assert.equal(machine.after(1), 0)
  assert.equal(machine.after(1, 28_800_000), 28_800_000)
  assert.equal(machine.after(1), 0)
  assert.equal(machine.after(600), 0, 'a process that is stopped has both clocks going on')
  assert.equal(machine.after(1, 1_000), 1_000)
})

test('a clock that is brought into step loses nothing, and one that is set back gives nothing', () => {
  const machine = new Machine()
  for (let i = 0; i < 5_000; i++) assert.equal(machine.after(1, 0.5), 0)
  assert.equal(machine.after(1, -3_600_000), 0)
  assert.equal(machine.after(1), 0)
})

test('a process that stands still between two clocks loses nothing, and finds later what is lost', () => {
  const machine = new Machine()
  machine.pause = 5_000
  assert.equal(machine.after(1), 0)
  assert.equal(machine.after(1, 60_000), 0)
  machine.pause = 0
  assert.equal(machine.after(1), 60_000)
})
