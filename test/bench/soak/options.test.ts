import assert from 'node:assert/strict'
import test from 'node:test'

import { parseOptions } from '../../../bench/soak/options.ts'

test('a soak asks dnslet and unbound for half an hour, as the issue of it says', () => {
  const { seconds, rate, reloadEvery, restartEvery, servers } = parseOptions([])
  assert.deepEqual([seconds, rate, reloadEvery, restartEvery], [1800, 2000, 60, 120])
  assert.deepEqual(servers, ['dnslet', 'unbound'])
})

test('its length is given in minutes or in seconds', () => {
  assert.equal(parseOptions(['--minutes', '10']).seconds, 600)
  assert.equal(parseOptions(['--seconds', '30']).seconds, 30)
})

test('a peer is a name and a command, and comes after the servers', () => {
  const { peers, servers } = parseOptions(['--servers', 'dnslet', '--peer', 'other=run -a "$X=1"'])
  assert.deepEqual(servers, ['dnslet', 'other'])
  assert.deepEqual(peers, [{ name: 'other', command: 'run -a "$X=1"' }])
})

test('what it cannot read is told in one line', () => {
  const cases: [string[], RegExp][] = [
    [['--servers', 'bind9'], /^Error: Cannot find server "bind9": known are dnslet, unbound$/],
    [['--servers', ''], /^Error: Cannot soak: no server is chosen$/],
    [['--servers', 'dnslet,dnslet'], /^Error: Cannot name two servers "dnslet"$/],
    [['--peer', 'command'], /^Error: Cannot read peer "command": expected name=command$/],
    [['--peer', 'unbound=x'], /^Error: Cannot name a peer "unbound": the name is taken$/],
    [['--peer', 'a=x', '--peer', 'a=y'], /^Error: Cannot name two servers "a"$/],
    [['--minutes', '1', '--seconds', '60'], /^Error: Cannot read --minutes and --seconds: /],
    [['--minutes', '0'], /^Error: Cannot read --minutes "0": expected at least 1$/],
    [['--seconds', '9'], /^Error: Cannot read --seconds "9": expected at least 10$/],
    [['--rate', '1e3'], /^Error: Cannot read --rate "1e3": expected a whole number$/],
    [['--restart-every', '4'], /^Error: Cannot read --restart-every "4": expected at least 5$/],
    [['--base-port', '65535'], /^Error: Cannot read --base-port "65535": no such port$/],
    [['--hours', '1'], /Unknown option '--hours'/],
  ]
  for (const [args, message] of cases) assert.throws(() => parseOptions(args), message)
})
