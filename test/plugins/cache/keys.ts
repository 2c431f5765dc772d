import { CacheKey } from '../../../src/plugins/cache/cache-key.ts'
import type { Store } from '../../../src/plugins/cache/store.ts'
import { ErrorOptions } from '../../../src/wire/edns.ts'
import { message, questionOf, recordsOf, type TestMessage } from '../../wire/message.ts'

/** The key of question number `i`, as if the hash were what the test says. */
export function keyOf(i: number, hash: number): CacheKey {
  const key = new CacheKey()
  key.wire = message({ name: `x${i}.test` })
  key.question = questionOf(key.wire)
  key.hash = hash
  return key
}

/** Stores a reply to the question of `key`, fresh from 0 to 30 s; whether there was room. */
export function write(store: Store, key: CacheKey, m: TestMessage = {}): boolean {
  const reply = message(m)
  const rest = reply.subarray(questionOf(reply).end)
  const question = key.wire.subarray(12, key.question.end)
  const wire = Buffer.concat([reply.subarray(0, 12), question, rest])
  const records = recordsOf(wire, questionOf(wire))
  return store.write(key, wire, wire.length, records, 30, 0, -1, new ErrorOptions())
}
