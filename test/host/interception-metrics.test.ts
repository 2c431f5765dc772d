import assert from 'node:assert/strict'
import { test } from 'node:test'

import { interceptionMetrics, interceptionState } from '../../src/host/interception-metrics.ts'
import { exposition } from '../../src/telemetry/metrics.ts'

async function lines(): Promise<string[]> {
  const { body } = await exposition('', interceptionMetrics)
  return body.split('\n').filter((line) => line.startsWith('dnslet_interception_'))
}

test('a daemon that leaves the network alone has counters only', async () => {
  assert.deepEqual(await lines(), [
    'dnslet_interception_suspensions_total 0',
    'dnslet_interception_repairs_total{of="interface"} 0',
    'dnslet_interception_repairs_total{of="rules"} 0',
  ])
})

test('one that waits says 0, and with what; one that intercepts says 1, and by which link', async () => {
  interceptionState.rules = 'iptables'
  assert.equal((await lines())[0], 'dnslet_interception_active 0')
  Object.assign(interceptionState, { active: 1, interface: 'tun', suspensions: 2 })
  interceptionState.repairs.rules = 3
  assert.deepEqual(await lines(), [
    'dnslet_interception_active 1',
    'dnslet_interception_suspensions_total 2',
    'dnslet_interception_repairs_total{of="interface"} 0',
    'dnslet_interception_repairs_total{of="rules"} 3',
    'dnslet_interception_info{interface="tun",rules="iptables"} 1',
  ])
})
