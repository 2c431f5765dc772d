import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exposition } from '../../src/telemetry/metrics.ts'
import { processMetrics } from '../../src/telemetry/process-metrics.ts'

const { body } = await exposition('', processMetrics)

function valueOf(name: string): number {
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(body)?.[1])
}

const positive = [
  'process_cpu_seconds_total',
  'process_max_fds',
  'process_open_fds',
  'process_virtual_memory_bytes',
  'process_virtual_memory_max_bytes',
  'nodejs_heap_size_total_bytes',
  'nodejs_heap_size_used_bytes',
]
for (const name of positive) {
  test(`${name} is above zero`, () => assert.ok(valueOf(name) > 0, String(valueOf(name))))
}

for (const name of [
  'process_network_receive_bytes_total',
  'process_network_transmit_bytes_total',
]) {
  test(`${name} is a count`, () => assert.ok(valueOf(name) >= 0, String(valueOf(name))))
}

test('process_resident_memory_bytes agrees with Node', () => {
  const ratio = valueOf('process_resident_memory_bytes') / process.memoryUsage().rss
  assert.ok(ratio > 0.5 && ratio < 2, String(ratio))
})

test('process_start_time_seconds lies in the last minutes', () => {
  const age = Date.now() / 1000 - valueOf('process_start_time_seconds')
  assert.ok(age > 0 && age < 600, String(age))
})

test('nodejs_version_info names the version', () => {
  assert.ok(body.includes(`nodejs_version_info{version="${process.version}"} 1\n`))
})
