import assert from 'node:assert/strict'
import test from 'node:test'

import { parseOptions } from '../../bench/options.ts'

test('parseOptions() compares all servers in all scenarios over seven rounds', () => {
  const options = parseOptions([])
  assert.deepEqual(options.servers, ['dnslet', 'dnslet-dgram', 'unbound', 'dnsdist'])
  assert.deepEqual(
    options.scenarios.map(({ name }) => name),
    'calm,steady,calm-misses,serial,crowd,hits,tcp,mix,misses,memory,in-order'.split(','),
  )
  assert.equal(options.idleSeconds, 10)
  assert.equal(options.starts, true)
  assert.equal(options.rounds, 7)
  assert.equal(options.endurance, null)
})

test('parseOptions() keeps the order of scenarios and servers', () => {
  const options = parseOptions(['--scenarios', 'misses,hits', '--servers', 'dnsdist,dnslet'])
  assert.deepEqual(
    options.scenarios.map(({ name }) => name),
    ['hits', 'misses'],
  )
  assert.deepEqual(options.servers, ['dnslet', 'dnsdist'])
  assert.equal(options.starts, false)
})

test('parseOptions() takes the starts alone', () => {
  const options = parseOptions(['--scenarios', 'start'])
  assert.deepEqual(options.scenarios, [])
  assert.equal(options.starts, true)
  assert.equal(options.idleSeconds, 0)
})

test('parseOptions() takes the idle servers alone, for as long as asked', () => {
  const options = parseOptions(['--scenarios', 'idle', '--idle-seconds', '3'])
  assert.deepEqual(options.scenarios, [])
  assert.equal(options.starts, false)
  assert.equal(options.idleSeconds, 3)
})

test('parseOptions() takes several peers', () => {
  const { peers } = parseOptions(['--peer', 'a=x@1', '--peer', 'b=y z@2'])
  assert.deepEqual(peers, [
    { name: 'a', command: 'x', port: 1 },
    { name: 'b', command: 'y z', port: 2 },
  ])
})

for (const [args, message] of [
  [['--rounds', '0'], /Cannot read --rounds "0": expected at least 1/],
  [['--idle-seconds', '0'], /Cannot read --idle-seconds "0": expected at least 1/],
  [['--seconds', '1.5'], /Cannot read --seconds "1.5": expected a whole number/],
  [['--scenarios', 'hit'], /Cannot find scenario "hit": known are calm, steady/],
  [['--servers', 'bind'], /Cannot find server "bind": known are dnslet, /],
  [['--peer', 'unbound=x@1'], /Cannot name a peer "unbound": the name is taken/],
  [['--peer', 'a=x@1', '--peer', 'a=y@2'], /Cannot name a peer "a": the name is taken/],
  [['--unknown'], /Unknown option '--unknown'/],
  [['hits'], /Unexpected argument 'hits'/],
] as const) {
  test(`parseOptions() rejects ${args.join(' ')}`, () => {
    assert.throws(() => parseOptions(args), message)
  })
}
