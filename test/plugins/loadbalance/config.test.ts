import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type LoadbalanceConfig, readConfig } from '../../../src/plugins/loadbalance/config.ts'
import { messageOf } from '../../corefile/support.ts'
import { directivesOf } from '../../helpers/directives.ts'
import { stageOf } from './support.ts'

function read(body: string): LoadbalanceConfig {
  return readConfig(directivesOf('loadbalance', body))
}

/** Prefix lengths of the preferred networks. */
function preferred(body: string): number[] {
  const config = read(body)
  return config.policy === 'weighted' ? [] : config.prefer.map(({ length }) => length)
}

/** File and milliseconds. */
function weighted(body: string): unknown[] {
  const config = read(body)
  return config.policy === 'weighted' ? [config.file, config.reloadMs] : []
}

describe('loadbalance in the Corefile', () => {
  test('is round_robin unless it says otherwise', () => {
    for (const body of ['loadbalance', 'loadbalance round_robin', 'loadbalance {\n}']) {
      assert.deepEqual(read(body), { policy: 'round_robin', prefer: [] })
    }
  })

  test('collects preferred networks', () => {
    assert.deepEqual(
      preferred('loadbalance {\nprefer 10.1.2.3/8 fd00::/9\nprefer 10.0.0.0/10\n}'),
      [8, 9, 10],
    )
    assert.deepEqual(preferred('loadbalance round_robin {\nprefer\n}'), [])
    const one = 'loadbalance {\nprefer 10.0.0.0/8\n}'
    assert.deepEqual(preferred(`${one}\nloadbalance {\nprefer 10.0.0.0/9\n}`), [8, 9])
    assert.deepEqual(preferred(`loadbalance weighted f\n${one}`), [8])
  })

  test('is weighted with a file', () => {
    assert.deepEqual(weighted('loadbalance weighted wf'), ['wf', 30_000])
    assert.deepEqual(weighted('loadbalance weighted wf {\nreload 10s\n}'), ['wf', 10_000])
    assert.deepEqual(weighted('loadbalance weighted wf {\nreload 0s\n}'), ['wf', 0])
    const last = 'loadbalance {\nprefer 10.0.0.0/8\n}\nloadbalance weighted wf'
    assert.deepEqual(weighted(last), ['wf', 30_000])
  })

  for (const [body, problem] of [
    ['fleeb', 'unknown policy: fleeb'],
    ['round_robin a', 'unknown property for round_robin'],
    ['weighted', 'missing weight file argument'],
    ['weighted a b', 'unexpected argument(s)'],
    ['weighted f {\nsusu\n}', "unknown property 'susu'"],
    ['weighted f {\nprefer 10.0.0.0/8\n}', "unknown property 'prefer'"],
    ['{\nreload 10s\n}', "unknown property 'reload'"],
    ['weighted f {\nreload\n}', 'reload duration value is missing'],
    ['weighted f {\nreload a\n}', "invalid reload duration 'a'"],
    ['weighted f {\nreload -1s\n}', "invalid reload duration '-1s'"],
    ['weighted f {\nreload 30s a\n}', 'unexpected argument'],
    ['{\nprefer 10.0.0.0/33\n}', 'invalid CIDR "10.0.0.0/33": invalid CIDR address: 10.0.0.0/33'],
    ['{\nprefer 10.0.0.1\n}', 'invalid CIDR "10.0.0.1": invalid CIDR address: 10.0.0.1'],
  ] as const) {
    test(`${JSON.stringify(body)} is refused, with its line`, () => {
      const line = body.includes('\n') ? 3 : 2
      const said = messageOf(() => read(`loadbalance ${body}`)) ?? ''
      assert.ok(said.includes(problem), said)
      assert.ok(said.includes(`Corefile:${line} - `) && said.includes('plugin/loadbalance: '), said)
    })
  }

  test('names file and line where the weight file has to be there and is not', () => {
    const said = messageOf(() => stageOf('loadbalance weighted /nowhere/w {\nreload 0s\n}'))
    assert.ok(said?.startsWith('Corefile:2 - plugin/loadbalance: weight file open error: '), said)
  })
})
