import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ReloadConfig, readConfig } from '../../../src/plugins/reload/config.ts'
import { directivesOf } from '../../helpers/directives.ts'

function read(body: string): ReloadConfig {
  return readConfig(directivesOf('reload', body))
}

function refused(body: string, message: string): void {
  assert.throws(() => read(body), { code: 'E_COREFILE_PLUGIN', message })
}

test('defaults', () => {
  assert.deepEqual(read('reload'), { interval: 30_000, jitter: 15_000 })
})

test('interval and jitter', () => {
  assert.deepEqual(read('reload 10s 2s'), { interval: 10_000, jitter: 2_000 })
  assert.deepEqual(read('reload 2s 1s'), { interval: 2_000, jitter: 1_000 })
})

test('the jitter is cut to half of the interval, and 0 switches it off', () => {
  assert.deepEqual(read('reload 10s'), { interval: 10_000, jitter: 5_000 })
  assert.deepEqual(read('reload 10s 1h'), { interval: 10_000, jitter: 5_000 })
  assert.deepEqual(read('reload 10s 0'), { interval: 10_000, jitter: 0 })
})

test('of several the last one counts, and all have to be sound', () => {
  assert.deepEqual(read('reload 10s 2s\nreload 20s'), { interval: 20_000, jitter: 10_000 })
  refused(
    'reload 1s\nreload',
    'Corefile:2 - plugin/reload: interval value must be greater or equal to 2s',
  )
})

test('errors are those of CoreDNS, with file and line', () => {
  refused(
    'reload 1999ms',
    'Corefile:2 - plugin/reload: interval value must be greater or equal to 2s',
  )
  refused('reload -5s', 'Corefile:2 - plugin/reload: interval value must be greater or equal to 2s')
  refused('reload 0', 'Corefile:2 - plugin/reload: interval value must be greater or equal to 2s')
  refused(
    'reload 5s 999ms',
    'Corefile:2 - plugin/reload: jitter value must be greater or equal to 1s',
  )
  refused(
    'reload 5s -1s',
    'Corefile:2 - plugin/reload: jitter value must be greater or equal to 1s',
  )
  refused('reload 5', 'Corefile:2 - plugin/reload: time: missing unit in duration "5"')
  refused(
    'reload 5s 2s 1s',
    "plugin/reload: Corefile:2 - Error during parsing: Wrong argument count or unexpected line ending after '1s'",
  )
})

test('what stands in braces is ignored, as in CoreDNS, and warned of', () => {
  const said: string[] = []
  const directives = directivesOf('reload', 'reload 10s {\nquick\n}')
  const config = readConfig(directives, (message) => void said.push(message))
  assert.deepEqual(config, { interval: 10_000, jitter: 5_000 })
  assert.deepEqual(said, ["Corefile:3 - 'quick' is ignored: reload has no options"])
})
