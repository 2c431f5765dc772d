import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setupErrors, SetupFailures, setupErrorsMetric } from '../../src/host/setup-errors.ts'
import { exposition } from '../../src/telemetry/metrics.ts'
import { LinesLog } from '../helpers/lines-log.ts'

test('every kind of failure is there from the start, with the names of the original', async () => {
  const { body } = await exposition('', [setupErrorsMetric])
  for (const kind of [
    'iptables',
    'iptables_lock',
    'interface_add',
    'interface_check',
    'configmap',
  ]) {
    assert.match(
      body,
      new RegExp(`^coredns_nodecache_setup_errors_total\\{errortype="${kind}"\\} 0$`, 'm'),
    )
  }
})

test('a failure is counted each time and said once, until its kind succeeds', () => {
  const log = new LinesLog()
  const failures = new SetupFailures(log)
  const before = setupErrors.iptables
  for (const reason of ['no nft', 'no lock', 'no nft', 'no lock']) {
    failures.failed('iptables', new Error(reason))
  }
  failures.succeeded('interface_add')
  failures.failed('iptables', new Error('no nft'))
  assert.deepEqual(log.lines, ['[ERROR] no nft', '[ERROR] no lock'])
  failures.succeeded('iptables')
  failures.failed('iptables', 'no nft')
  assert.deepEqual(log.lines.slice(2), ['[ERROR] no nft'])
  assert.equal(setupErrors.iptables, before + 6)
})

test('of failures that never sound the same a few are remembered', () => {
  const log = new LinesLog()
  const failures = new SetupFailures(log)
  const fail = (i: number): void => failures.failed('iptables', new Error(`line ${i}`))
  for (let i = 0; i < 20; i++) fail(i)
  fail(0)
  assert.equal(log.lines.length, 20)
  fail(20)
  fail(0)
  assert.deepEqual(log.lines.slice(20), ['[ERROR] line 20', '[ERROR] line 0'])
})

test('that another process held the lock of iptables is counted apart', () => {
  const failures = new SetupFailures(new LinesLog())
  const before = { ...setupErrors }
  const held = 'Another app is currently holding the xtables lock'
  for (const end of [
    '. Perhaps you want to use the -w option?',
    '. Stopped waiting after 5s.',
    '; still 1s 0us time ahead to have a chance to grab the lock...',
  ]) {
    failures.failed('iptables', new Error(`Cannot run iptables-legacy-restore: ${held}${end}`))
  }
  assert.equal(setupErrors.iptables, before.iptables)
  assert.equal(setupErrors.iptables_lock, before.iptables_lock + 3)
})
