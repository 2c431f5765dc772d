import assert from 'node:assert/strict'
import { test } from 'node:test'

import { FallbackKeeper } from '../../src/host/fallback-keeper.ts'
import type { FallbackTargets } from '../../src/host/fallback-targets.ts'
import type { Rules } from '../../src/host/rules/rules.ts'

/** Rules that note what they are told, and pods that a test moves. */
class Setting {
  readonly told: string[] = []
  readonly failures: unknown[] = []
  /** The pods there are; null: nobody answers. */
  pods: string[] | null = null
  unrest = 0
  looks = 0
  readonly targets: { known: string[]; refresh: () => Promise<boolean> } = {
    known: [],
    refresh: async () => {
      this.looks++
      if (this.pods === null || this.pods.join() === this.targets.known.join()) return false
      this.targets.known = this.pods
      return true
    },
  }
  readonly keeper = new FallbackKeeper({
    targets: this.targets as unknown as FallbackTargets,
    unrest: () => this.unrest,
    failed: (cause) => this.failures.push(cause),
  })
  failing = false
  readonly rules = {
    setFallback: async (targets: readonly string[]) => {
      if (this.failing) throw new Error('no nft')
      this.told.push(targets.join())
    },
    renewFallback: async () => {
      this.told.push('renewed')
    },
  } as unknown as Rules

  /** So many seconds. */
  async pass(turns: number): Promise<void> {
    for (let i = 0; i < turns; i++) {
      this.keeper.turn(this.rules)
      await new Promise(setImmediate)
    }
  }
}

test('while no pods are known they are looked up every two seconds', async () => {
  const s = new Setting()
  await s.pass(10)
  assert.equal(s.looks, 5)
  s.pods = ['10.0.0.1']
  await s.pass(2)
  assert.deepEqual(s.told, ['10.0.0.1'])
})

test('pods that have moved are followed within five seconds', async () => {
  const s = new Setting()
  s.pods = ['10.0.0.1']
  await s.pass(2)
  s.pods = ['10.0.0.2']
  await s.pass(5)
  assert.deepEqual(s.told, ['10.0.0.1', '10.0.0.2'])
  const { looks } = s
  await s.pass(20)
  assert.equal(s.looks - looks, 4, 'one look-up in five seconds is enough')
})

test('within a second where an upstream connection broke', async () => {
  const s = new Setting()
  s.pods = ['10.0.0.1']
  await s.pass(5)
  s.pods = ['10.0.0.2']
  s.unrest++
  await s.pass(1)
  assert.deepEqual(s.told, ['10.0.0.1', '10.0.0.2'])
})

test('what the rules hold is renewed each minute, pods or not', async () => {
  const s = new Setting()
  await s.pass(180)
  assert.deepEqual(s.told, ['renewed', 'renewed', 'renewed'])
})

test('rules that cannot be changed are told of, and tried again', async () => {
  const s = new Setting()
  s.failing = true
  s.pods = ['10.0.0.1']
  await s.pass(2)
  assert.match(String(s.failures[0]), /no nft/)
  s.failing = false
  await s.pass(5)
  assert.deepEqual(s.told, ['10.0.0.1'])
})
