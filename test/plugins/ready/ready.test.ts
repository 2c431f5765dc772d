import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { ready } from '../../../src/plugins/ready/index.ts'
import { freePort } from '../../helpers/ports.ts'
import { TestBlock } from '../../telemetry/block.ts'

async function get(port: number): Promise<[status: number, body: string]> {
  const response = await fetch(`http://127.0.0.1:${port}/ready`)
  return [response.status, await response.text()]
}

test('/ready is OK while nothing speaks against it, and tells all that does', async (t) => {
  const port = await freePort()
  const block = new TestBlock(ready, `ready 127.0.0.1:${port}`)
  const { readiness } = block.context.services.life
  readiness.hold('No interception yet')
  await assert.rejects(get(port))
  await block.start(t)
  assert.deepEqual(await get(port), [503, 'No interception yet'])
  readiness.hold('Shutting down')
  assert.deepEqual(await get(port), [503, 'No interception yet, Shutting down'])
  readiness.release('No interception yet')
  readiness.release('Shutting down')
  assert.deepEqual(await get(port), [200, 'OK'])
})

test('a reload shows no gap, and the last stop ends it', async (t) => {
  const port = await freePort()
  const old = new TestBlock(ready, `ready 127.0.0.1:${port}`)
  const next = new TestBlock(ready, `ready 127.0.0.1:${port}`)
  await old.start(t)
  await next.start(t)
  await old.stage.stop?.(false)
  assert.deepEqual(await get(port), [200, 'OK'])
  await next.stage.stop?.(true)
  await assert.rejects(get(port))
})

test('an address in use is logged, and the start goes on', async (t) => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.after(() => void other.close())
  const { port } = other.address() as { port: number }
  const block = new TestBlock(ready, `ready 127.0.0.1:${port}`)
  await block.start(t)
  assert.deepEqual(block.log.texts, [
    `error plugin/ready: Failed to start ready handler: Cannot listen on 127.0.0.1:${port}: ` +
      'the address is in use: stop the program that uses it or configure another address',
  ])
})

test('describe() tells address and mode', () => {
  assert.deepEqual(new TestBlock(ready, 'ready').stage.describe?.(), [
    ':8181',
    'monitor until-ready',
  ])
})
