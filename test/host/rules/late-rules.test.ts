import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { LateRules, type LateRulesParts } from '../../../src/host/rules/late-rules.ts'
import type { Rules } from '../../../src/host/rules/rules.ts'
import { LinesLog } from '../../helpers/lines-log.ts'

const HANGS = /Cannot load packet rules: a program for them hangs/
const never = new Promise<never>(() => {})

/** Rules that note what is done with them. */
function noted(done: string[]): Rules {
  const note = (what: string): Promise<void> => {
    done.push(what)
    return Promise.resolve()
  }
  return {
    kind: 'nft',
    lease: 'set',
    leadsAll: true,
    install: (intercepting) => note(`install ${intercepting}`),
    check: (shared) => note(`check ${shared}`).then(() => ['missing: a']),
    isLeased: () => note('leased').then(() => true),
    renew: () => note('renew').then(() => false),
    setFallback: (targets) => note(`fallback ${targets.join()}`),
    renewFallback: () => note('renewFallback'),
    withdraw: (ms) => note(`withdraw ${ms}`),
    remove: () => note('remove'),
  }
}

interface Late {
  readonly rules: LateRules
  readonly log: LinesLog
  readonly placed: string[]
}

function late(choose: LateRulesParts['choose'], given: Partial<LateRulesParts> = {}): Late {
  const log = new LinesLog()
  const placed: string[] = []
  const rules = new LateRules({
    choose,
    placed: (kind) => placed.push(kind),
    late: never,
    patience: () => never,
    log,
    ...given,
  })
  return { rules, log, placed }
}

describe('rules that may come late', () => {
  test('are the usual ones where nothing hangs', async () => {
    const done: string[] = []
    const { rules, log, placed } = late(() => Promise.resolve(noted(done)))
    await rules.install(true)
    assert.deepEqual([rules.kind, rules.lease, rules.leadsAll], ['nft', 'set', true])
    assert.deepEqual(await rules.check(true), ['missing: a'])
    assert.equal(await rules.isLeased(), true)
    assert.equal(await rules.renew(), false)
    await rules.setFallback(['10.0.0.1'])
    await rules.renewFallback()
    await rules.withdraw(5)
    await rules.remove()
    const after = 'check true,leased,renew,fallback 10.0.0.1,renewFallback,withdraw 5,remove'
    assert.equal(done.join(), `fallback ,install true,${after}`)
    assert.deepEqual(placed, ['nft'])
    assert.deepEqual(log.lines, [])
  })

  test('keep a start waiting for so long at most, and are in place once they can be', async () => {
    const done: string[] = []
    const found = Promise.withResolvers<Rules>()
    const { rules, log, placed } = late(() => found.promise, { late: Promise.resolve() })
    await rules.install(false)
    await rules.install(true)
    assert.equal(log.lines.length, 1, 'said once')
    assert.match(log.lines[0]!, HANGS)
    assert.deepEqual([rules.kind, rules.lease, rules.leadsAll], ['late', 'address', false])
    assert.deepEqual([await rules.isLeased(), await rules.renew()], [false, true])
    await rules.setFallback(['10.0.0.1'])
    await rules.renewFallback()
    await rules.withdraw()
    assert.deepEqual([done, placed], [[], []])
    found.resolve(noted(done))
    assert.deepEqual(await rules.check(), [])
    assert.deepEqual(done, ['fallback 10.0.0.1', 'install false'])
    assert.deepEqual(placed, ['nft'])
    assert.match(log.lines[1]!, /Packet rules are in place/)
  })

  test('are chosen again where that failed, and a check tells of it', async () => {
    const done: string[] = []
    let tries = 0
    const { rules, log } = late(() =>
      ++tries < 3 ? Promise.reject(new Error('no program')) : Promise.resolve(noted(done)),
    )
    await rules.install()
    assert.match(log.lines[0]!, /tried again: no program/)
    await assert.rejects(rules.check(), /^Error: no program/)
    assert.deepEqual(await rules.check(), [])
    assert.equal(rules.kind, 'nft')
  })

  test('fail a check that has waited long enough', async () => {
    const { rules } = late(() => never, { patience: () => Promise.resolve() })
    await assert.rejects(rules.check(), HANGS)
  })

  test('do not outlive who removes them meanwhile', async () => {
    const done: string[] = []
    const free = Promise.withResolvers<void>()
    const slow = { ...noted(done), install: () => free.promise }
    const { rules } = late(() => Promise.resolve(slow))
    const installed = rules.install()
    await Promise.resolve()
    await rules.remove()
    free.resolve()
    await installed
    assert.equal(done.at(-1), 'remove')
    const unknown = Promise.withResolvers<Rules>()
    const other = late(() => unknown.promise)
    const begun = other.rules.install()
    await other.rules.remove()
    unknown.resolve(noted(done))
    await begun
    assert.deepEqual(other.placed, [])
  })
})
