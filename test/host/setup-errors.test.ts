import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setupErrorsMetric } from '../../src/host/setup-errors.ts'
import { exposition } from '../../src/telemetry/metrics.ts'

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
