import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Episode, Episodes } from '../../src/lib/episode.ts'

test('an episode begins with an event after a minute without one', () => {
  const episode = new Episode()
  assert.equal(episode.begins(5), true)
  assert.equal(episode.begins(50_000), false)
  assert.equal(episode.begins(109_999), false)
  assert.equal(episode.begins(169_999), true)
})

test('episodes of several kinds run apart, and those beyond sixteen kinds together', () => {
  const episodes = new Episodes()
  for (let i = 0; i < 16; i++) assert.equal(episodes.begins(`kind ${i}`, 0), true)
  for (let i = 0; i < 16; i++) assert.equal(episodes.begins(`kind ${i}`, 100), false)
  assert.equal(episodes.begins('another', 100), true)
  assert.equal(episodes.begins('a third', 100), false)
  assert.equal(episodes.begins('kind 7', 60_100), true)
})
