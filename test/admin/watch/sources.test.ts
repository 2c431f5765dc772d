import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sourceCounts } from '../../../src/admin/watch/sources.ts'
import { ClientQueries } from '../../../src/serve/client-queries.ts'
import { seenQuery } from './seen.ts'

test('who asked is told by source, and when last', () => {
  const queries = new ClientQueries()
  assert.deepEqual(sourceCounts(queries), {
    sources: { pods: 0, node: 0, others: 0 },
    secondsSinceLastClientQuery: null,
  })
  queries.count(seenQuery({ client: '127.0.0.1', change: { receivedAt: 1_000 } }))
  queries.count(seenQuery({ client: '198.51.100.1', change: { receivedAt: 1_500 } }))
  assert.deepEqual(
    sourceCounts(queries, () => 4_000),
    {
      sources: { pods: 0, node: 1, others: 1 },
      secondsSinceLastClientQuery: 2.5,
    },
  )
})
