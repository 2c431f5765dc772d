import assert from 'node:assert/strict'
import { test } from 'node:test'
import { areStacksTraced, traceStacks } from '../../src/telemetry/stack-traces.ts'

test('stacks are traced for a server as long as anybody wants them', () => {
  assert.equal(areStacksTraced('dns://:53'), false)
  const first = traceStacks('dns://:53')
  const second = traceStacks('dns://:53')
  assert.equal(areStacksTraced('dns://:53'), true)
  assert.equal(areStacksTraced('dns://:54'), false)
  first()
  assert.equal(areStacksTraced('dns://:53'), true)
  second()
  assert.equal(areStacksTraced('dns://:53'), false)
})
