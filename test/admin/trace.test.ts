import assert from 'node:assert/strict'
import { test } from 'node:test'

import { traceQuestion } from '../../src/admin/trace.ts'
import { Outcome, type Query } from '../../src/serve/query.ts'
import type { Server } from '../../src/serve/server.ts'
import { spectator } from '../../src/serve/spectator.ts'
import { Type } from '../../src/wire/codes.ts'

test('an attempt that another has overtaken is not told as one without an answer', async () => {
  const reply = Buffer.alloc(12)
  const server = {
    identity: { name: 'dns://127.0.0.1:53' },
    dispatch(q: Query) {
      const seen = (from: string, answer: Buffer | null): void =>
        spectator.exchanged?.(q, {
          upstream: from,
          transport: 'tcp',
          local: '',
          sentAt: performance.now(),
          query: q.wire,
          reply: answer,
        })
      seen('192.0.2.1:53', null)
      seen('192.0.2.2:53', reply)
      seen('192.0.2.3:53', null)
      q.outcome = Outcome.Drop
      q.target.drop(q)
    },
  } as unknown as Server
  const { steps } = await traceQuestion({ server, block: null, name: 'a.test.', type: Type.A })
  const told = steps.map(({ what }) => what.replace(/[\d.]+ ms/, 'MS'))
  for (const what of [
    'forward: no answer from 192.0.2.1:53 in MS',
    'forward: 192.0.2.2:53 answered after MS: NOERROR, 0 answer records, 12 octets',
    'forward: 192.0.2.3:53 is waited for no longer, after MS',
  ]) {
    assert.ok(told.includes(what), `${what}\n${told.join('\n')}`)
  }
})
