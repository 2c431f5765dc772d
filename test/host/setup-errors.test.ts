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
