import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readConfig } from '../../../src/plugins/timeouts/config.ts'
import { timeouts } from '../../../src/plugins/timeouts/index.ts'
import { directivesOf } from '../../helpers/directives.ts'
import { testBlock } from '../../helpers/services.ts'

/** `|` is a line's end. */
function directives(text: string) {
  return directivesOf('timeouts', text.replaceAll('|', '\n'))
}

describe('timeouts', () => {
  const accepted: readonly [text: string, limits: object][] = [
    ['timeouts {|read 30s|}', { readMs: 30_000 }],
    ['timeouts {|read 1m|write 2m|}', { readMs: 60_000, writeMs: 120_000 }],
    ['timeouts {|idle 1h|}', { idleMs: 3_600_000 }],
    ['timeouts {|read 10|write +20|idle 60|}', { readMs: 10_000, writeMs: 20_000, idleMs: 60_000 }],
    [
      'timeouts {|read 1s|write 24h|idle 86400|}',
      { readMs: 1_000, writeMs: 86_400_000, idleMs: 86_400_000 },
    ],
    ['timeouts {|maxtcpqueries 128|}', { maxQueries: 128 }],
    ['timeouts {|maxtcpqueries 1|}', { maxQueries: 1 }],
    ['timeouts {|maxtcpqueries -1|}', { maxQueries: Infinity }],
    ['timeouts {|read 10s|maxtcpqueries 128|}', { readMs: 10_000, maxQueries: 128 }],
    ['timeouts {|read 10s|read 20s|}', { readMs: 20_000 }],
    ['timeouts {|read 10s|write 5s|}|timeouts {|read 20s|}', { readMs: 20_000, writeMs: 5_000 }],
  ]
  for (const [text, limits] of accepted) {
    test(`reads ${text}`, () => assert.deepEqual(readConfig(directives(text)), limits))
  }

  const none = 'timeouts block with no timeouts specified'
  const count = 'Wrong argument count or unexpected line ending after '
  const range = 'needs to be between 1 second and 24 hours'
  const positive = 'needs to be -1 (unlimited) or a positive integer'
  const refused: readonly [text: string, line: number, reason: string][] = [
    ['timeouts', 2, none],
    ['timeouts {|}', 2, none],
    ['timeouts {|read 10s|}|timeouts {|}', 5, none],
    ['timeouts 10s', 2, `${count}'10s'`],
    ['timeouts 10s {|read 10s|}', 2, `${count}'10s'`],
    ['timeouts {|read 10s|giraffe 30s|}', 4, "unknown option: 'giraffe'"],
    ['timeouts {|READ 30s|}', 3, "unknown option: 'READ'"],
    ['timeouts {|toString 30s|}', 3, "unknown option: 'toString'"],
    ['timeouts {|giraffe snake|}', 3, "failed to parse duration 'snake'"],
    ['timeouts {|read|}', 3, `${count}'read'`],
    ['timeouts {|read 10s 20s|write 30s|}', 3, `${count}'20s'`],
    ['timeouts {|write snake|}', 3, "failed to parse duration 'snake'"],
    ['timeouts {|write 1d|}', 3, "failed to parse duration '1d'"],
    ['timeouts {|idle 0s|}', 3, `timeout provided '0s' ${range}`],
    ['timeouts {|idle 0|}', 3, `timeout provided '0s' ${range}`],
    ['timeouts {|idle 999ms|}', 3, `timeout provided '999ms' ${range}`],
    ['timeouts {|idle -5|}', 3, `timeout provided '-5s' ${range}`],
    ['timeouts {|read 48h|}', 3, `timeout provided '48h0m0s' ${range}`],
    ['timeouts {|read 24h1ms|}', 3, `timeout provided '24h0m0.001s' ${range}`],
    ['timeouts {|maxtcpqueries 0|}', 3, `maxtcpqueries provided '0' ${positive}`],
    ['timeouts {|maxtcpqueries -2|}', 3, `maxtcpqueries provided '-2' ${positive}`],
    [
      'timeouts {|maxtcpqueries snake|}',
      3,
      'invalid value for maxtcpqueries \'snake\': strconv.Atoi: parsing "snake": invalid syntax',
    ],
    [
      'timeouts {|maxtcpqueries 99999999999999999999|}',
      3,
      'invalid value for maxtcpqueries \'99999999999999999999\': strconv.Atoi: parsing "99999999999999999999": value out of range',
    ],
    ['timeouts {|maxtcpqueries|}', 3, `${count}'maxtcpqueries'`],
    ['timeouts {|maxtcpqueries 1 2|}', 3, `${count}'2'`],
  ]
  for (const [text, line, reason] of refused) {
    test(`refuses ${text}`, () => {
      const message = `plugin/timeouts: Corefile:${line} - Error during parsing: ${reason}`
      assert.throws(() => readConfig(directives(text)), { message })
    })
  }

  test('tells what it sets', () => {
    const said = (text: string): unknown =>
      timeouts.setup(directives(text), testBlock()).describe?.()
    assert.deepEqual(said('timeouts {|read 90s|idle 5|maxtcpqueries 9|}'), [
      'read 1m30s, idle 5s, 9 queries of a TCP connection',
    ])
    assert.deepEqual(said('timeouts {|maxtcpqueries -1|}'), [
      'any number of queries of a TCP connection',
    ])
  })
})
