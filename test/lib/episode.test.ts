import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Episode } from '../../src/lib/episode.ts'

test('an episode begins with an event after a minute without one', () => {
  const episode = new Episode()
  assert.equal(episode.begins(5), true)
  assert.equal(episode.begins(50_000), false)
  assert.equal(episode.begins(109_999), false)
  assert.equal(episode.begins(169_999), true)
})
