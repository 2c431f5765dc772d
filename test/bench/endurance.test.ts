import assert from 'node:assert/strict'
import test from 'node:test'

import { type Milestone, verdict } from '../../bench/endurance.ts'

function milestone(millions: number, rss: number): Milestone {
  const counts = { queries: millions * 1_000_000, lost: 1, wrong: 2 }
  return { ...counts, queriesPerSecond: 1, rss: rss * 1024, rssAnon: 0 }
}

test('verdict() adds the losses up and looks at the memory after two million queries', () => {
  const milestones = [milestone(1, 10), milestone(2, 60), milestone(3, 64), milestone(4, 62)]
  assert.equal(
    verdict(milestones),
    '4 lost, 8 wrong; RSS between 60.0 and 64.0 MiB after 2 million queries, ' +
      '2.0 MiB from the first to the last of them.',
  )
})

test('verdict() does not judge the memory of a short run', () => {
  assert.match(verdict([milestone(1, 10), milestone(2, 60)]), /too short to judge the memory/)
})
