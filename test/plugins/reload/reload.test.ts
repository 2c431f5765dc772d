import assert from 'node:assert/strict'
import { test } from 'node:test'
import { reload } from '../../../src/plugins/reload/index.ts'
import { directivesOf } from '../../helpers/directives.ts'
import { testBlock } from '../../helpers/services.ts'

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
