import assert from 'node:assert/strict'
import { test } from 'node:test'
import { reloadCounters } from '../../../src/plugins/reload/counters.ts'
import { reload } from '../../../src/plugins/reload/index.ts'
import { exposition } from '../../../src/telemetry/metrics.ts'
import { testBlock } from '../../helpers/services.ts'
import { directivesOf } from '../../helpers/directives.ts'

test('the stage has the Corefile watched from its start on', async () => {
  const watched: (readonly [number, number])[] = []
  const watchCorefile = (interval: number, jitter: number): void => {
    watched.push([interval, jitter])
  }
  const stage = reload.setup(
    directivesOf('reload', 'reload 10s 3s'),
    testBlock({ services: { life: { watchCorefile } } }),
  )
  assert.deepEqual(watched, [])
  await stage.start?.()
  assert.deepEqual(watched, [[10_000, 3_000]])
  assert.deepEqual(stage.describe?.(), ['looks every 10s ± 1.5s'])
})

test('failures are counted from 0 on, the version shows once a reload has succeeded', async (t) => {
  t.after(() => Object.assign(reloadCounters, { failed: 0, version: null }))
  const before = (await exposition('')).body
  assert.match(before, /^coredns_reload_failed_total 0$/m)
  assert.doesNotMatch(before, /coredns_reload_version_info/)

  Object.assign(reloadCounters, { failed: 2, version: 'ab12' })
  const { body } = await exposition('')
  assert.match(body, /^# TYPE coredns_reload_failed_total counter$/m)
  assert.match(body, /^coredns_reload_failed_total 2$/m)
  assert.match(body, /^# TYPE coredns_reload_version_info gauge$/m)
  assert.match(body, /^coredns_reload_version_info\{hash="sha512",value="ab12"\} 1$/m)
})
