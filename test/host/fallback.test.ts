import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { Fallback } from '../../src/host/fallback.ts'
import type { Rules } from '../../src/host/rules/rules.ts'
import { LinesLog } from '../helpers/lines-log.ts'
import { temporaryFolder } from '../helpers/nsd.ts'

const FILE = 'kube-dns-pods.json'
const KNOWN =
  '[INFO] While dnslet is dead, pods of kube-dns answer at 169.254.20.10, fd00::10: 10.0.0.1'

/** Rules that note what they are told, and pods that a test moves. */
class Setting {
  readonly told: string[] = []
  readonly failures: unknown[] = []
  readonly log: LinesLog = new LinesLog()
  readonly fallback: Fallback
  /** What DNS says from now on; null: it does not answer. */
  says: readonly string[] | null = null
  unrest = 0
  looks = 0
  failing = false
  readonly #rules = {
    setFallback: async (targets: readonly string[]) => {
      if (this.failing) throw new Error('no nft')
      this.told.push(targets.join())
    },
    renewFallback: async () => {
      this.told.push('renewed')
    },
  } as unknown as Rules
  readonly #failed = (cause: unknown): void => void this.failures.push(cause)

  constructor(stateDirectory: string | null = null) {
    this.fallback = new Fallback({
      stateDirectory,
      lookUp: async () => {
        this.looks++
        if (this.says === null) throw new Error('no answer')
        return this.says
      },
      orphans: ['169.254.20.10', 'fd00::10'],
      unrest: () => this.unrest,
      log: this.log,
    })
  }

  /** Looks the pods up; whether the rules were told of others. */
  async refresh(): Promise<boolean> {
    const before = this.told.length
    await this.fallback.refresh(this.#rules, this.#failed)
    return this.told.length > before
  }

  /** So many seconds. */
  async pass(turns: number): Promise<void> {
    for (let i = 0; i < turns; i++) {
      this.fallback.turn(this.#rules, this.#failed)
      await new Promise(setImmediate)
    }
  }
}

describe('the pods', () => {
  test('are kept in order, on disk, and the next process knows them at once', async (t) => {
    const folder = temporaryFolder(t)
    const first = new Setting(folder)
    assert.deepEqual(first.fallback.known, [])
    first.says = ['10.244.1.11', '10.244.1.10', 'fd00::5']
    assert.equal(await first.refresh(), true)
    assert.deepEqual(first.fallback.known, ['10.244.1.10', '10.244.1.11', 'fd00::5'])
    assert.equal(statSync(join(folder, FILE)).mode & 0o777, 0o600)
    assert.deepEqual(new Setting(folder).fallback.known, first.fallback.known)
  })

  test('in another order are no change', async (t) => {
    const s = new Setting(temporaryFolder(t))
    s.says = ['10.0.0.2', '10.0.0.1']
    assert.equal(await s.refresh(), true)
    s.says = ['10.0.0.1', '10.0.0.2']
    assert.equal(await s.refresh(), false)
  })

  test('that were known last stay where DNS is dead or knows none', async (t) => {
    const folder = temporaryFolder(t)
    const s = new Setting(folder)
    s.says = ['10.0.0.1']
    await s.refresh()
    for (const says of [null, []]) {
      s.says = says
      assert.equal(await s.refresh(), false)
      assert.deepEqual(s.fallback.known, ['10.0.0.1'])
    }
    assert.equal(readFileSync(join(folder, FILE), 'utf8'), '["10.0.0.1"]')
    assert.deepEqual(s.log.lines, [KNOWN])
  })

  test('that were never found are said to be unknown once, with what it means', async () => {
    const s = new Setting()
    await s.refresh()
    await s.refresh()
    assert.deepEqual(s.log.lines, [
      '[WARNING] No pods of kube-dns are known: while dnslet is dead nobody answers at 169.254.20.10, ' +
        "fd00::10; the headless Service kube-dns-pods of dnslet's manifest names them",
    ])
  })

  test('are told of the first time they are known', async () => {
    const s = new Setting()
    await s.refresh()
    for (const says of [['10.0.0.1'], ['10.0.0.1'], ['10.0.0.2']]) {
      s.says = says
      await s.refresh()
    }
    assert.equal(s.log.lines.length, 2)
    assert.equal(s.log.lines[1], KNOWN)
  })

  test('are known to this process without a state directory too', async () => {
    const s = new Setting()
    s.says = ['10.0.0.1']
    assert.equal(await s.refresh(), true)
    assert.deepEqual(s.fallback.known, ['10.0.0.1'])
    assert.deepEqual(s.log.lines, [KNOWN])
  })

  test('are unknown where the file is no list of addresses', (t) => {
    const folder = temporaryFolder(t)
    for (const text of ['', '{"a": 1}', '["10.0.0.1", 2]', '["10.0.0.1; drop"]', '["kube-dns"]']) {
      writeFileSync(join(folder, FILE), text)
      assert.deepEqual(new Setting(folder).fallback.known, [], text)
    }
  })

  test('that cannot be kept are used all the same, and kept once they can be', async (t) => {
    const folder = temporaryFolder(t)
    const path = join(folder, FILE)
    mkdirSync(path)
    const s = new Setting(folder)
    s.says = ['10.0.0.1']
    assert.equal(await s.refresh(), true)
    assert.deepEqual(s.fallback.known, ['10.0.0.1'])
    assert.match(s.log.lines.join(), /\[WARNING\] Cannot keep the pods of kube-dns in .*\.json: /)
    const lines = s.log.lines.length
    assert.equal(await s.refresh(), false)
    rmdirSync(path)
    assert.equal(await s.refresh(), false)
    assert.deepEqual(JSON.parse(readFileSync(path, 'utf8')), ['10.0.0.1'])
    assert.equal(s.log.lines.length, lines, 'it is told of once')
  })
})

describe('the rules', () => {
  test('have pods looked up every two seconds while none are known', async () => {
    const s = new Setting()
    await s.pass(10)
    assert.equal(s.looks, 5)
    s.says = ['10.0.0.1']
    await s.pass(2)
    assert.deepEqual(s.told, ['10.0.0.1'])
  })

  test('follow pods that have moved within five seconds', async () => {
    const s = new Setting()
    s.says = ['10.0.0.1']
    await s.pass(2)
    s.says = ['10.0.0.2']
    await s.pass(5)
    assert.deepEqual(s.told, ['10.0.0.1', '10.0.0.2'])
    const { looks } = s
    await s.pass(20)
    assert.equal(s.looks - looks, 4, 'one look-up in five seconds is enough')
  })

  test('follow them within a second where an upstream connection broke', async () => {
    const s = new Setting()
    s.says = ['10.0.0.1']
    await s.pass(5)
    s.says = ['10.0.0.2']
    s.unrest++
    await s.pass(1)
    assert.deepEqual(s.told, ['10.0.0.1', '10.0.0.2'])
  })

  test('have what they hold renewed each minute, pods or not', async () => {
    const s = new Setting()
    await s.pass(180)
    assert.deepEqual(s.told, ['renewed', 'renewed', 'renewed'])
  })

  test('that cannot be changed are told of, and tried again', async () => {
    const s = new Setting()
    s.failing = true
    s.says = ['10.0.0.1']
    await s.pass(2)
    assert.match(String(s.failures[0]), /no nft/)
    s.failing = false
    await s.pass(5)
    assert.deepEqual(s.told, ['10.0.0.1'])
  })
})
