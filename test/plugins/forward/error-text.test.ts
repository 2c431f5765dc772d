// The text of an error, which patterns of `errors { consolidate }` and alerts were written for.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silent, startScripted } from '../../upstream/scripted.ts'
import { freePort } from '../../helpers/ports.ts'
import { Front } from './harness.ts'

test('over UDP it names both ends and the call, as Go does', async (t) => {
  const port = await freePort()
  const refused = await Front.start(t, `forward . 127.0.0.1:${port}`)
  assert.match(
    (await refused.ask('a.test')).error ?? '',
    new RegExp(
      `^read udp 127\\.0\\.0\\.1:\\d+->127\\.0\\.0\\.1:${port}: read: connection refused$`,
    ),
  )
  const upstream = await startScripted(t, silent)
  const lost = await Front.start(t, `forward . 127.0.0.1:${upstream.port}`)
  assert.match(
    (await lost.ask('a.test', { age: 4000 })).error ?? '',
    new RegExp(`^read udp 127\\.0\\.0\\.1:\\d+->127\\.0\\.0\\.1:${upstream.port}: i/o timeout$`),
  )
})

test('an upstream whose port is none fails at once, and only that one', async (t) => {
  const front = await Front.start(t, 'forward . 127.0.0.1:x')
  assert.match((await front.ask('a.test')).error ?? '', /127\.0\.0\.1:9: read: connection refused$/)
})
