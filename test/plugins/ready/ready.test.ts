import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { ready } from '../../../src/plugins/ready/index.ts'
import type { NamedStage } from '../../../src/serve/chain.ts'
import { freePort } from '../../helpers/ports.ts'
import { TestBlock } from '../../telemetry/block.ts'

async function get(port: number): Promise<[status: number, body: string]> {
  const response = await fetch(`http://127.0.0.1:${port}/ready`)
  return [response.status, await response.text()]
}

/** Stages whose readiness the test sets. */
function stages(states: Record<string, boolean>): NamedStage[] {
  return Object.keys(states).map((name) => ({ name, stage: { ready: () => states[name]! } }))
}

test('/ready names what is not ready, sorted, and asks nobody again who was', async (t) => {
  const port = await freePort()
  const states = { forward: false, cache: false, hosts: true }
  const block = new TestBlock(ready, `ready 127.0.0.1:${port}`, { below: stages(states) })
  await block.start(t)
  assert.deepEqual(await get(port), [503, 'cache,forward'])
  states.forward = true
  assert.deepEqual(await get(port), [503, 'cache'])
  states.cache = true
  assert.deepEqual(await get(port), [200, 'OK'])
  states.forward = false
  assert.deepEqual(await get(port), [200, 'OK'])
})

test('monitor continuously asks again', async (t) => {
  const port = await freePort()
  const states = { forward: true }
  const lines = `ready 127.0.0.1:${port} {\nmonitor continuously\n}`
  const block = new TestBlock(ready, lines, { below: stages(states) })
  await block.start(t)
  assert.deepEqual(await get(port), [200, 'OK'])
  states.forward = false
  assert.deepEqual(await get(port), [503, 'forward'])
})

test('a block whose stages have nothing to say is ready once it runs', async (t) => {
  const port = await freePort()
  const block = new TestBlock(ready, `ready 127.0.0.1:${port}`)
  await assert.rejects(get(port))
  await block.start(t)
  assert.deepEqual(await get(port), [200, 'OK'])
})

test('the blocks of a configuration answer together on each of their addresses', async (t) => {
  const [port, other] = [await freePort(), await freePort()]
  const states = { forward: false }
  const first = new TestBlock(ready, `ready 127.0.0.1:${port}`, { below: stages(states) })
  const services = first.context.services
  const second = new TestBlock(ready, `ready 127.0.0.1:${other}`, {
    below: stages({ forward: false, template: false }),
    sameServices: services,
  })
  await first.start(t)
  await second.start(t)
  for (const at of [port, other]) assert.deepEqual(await get(at), [503, 'forward,template'])
})

test('a new configuration starts over', async (t) => {
  const port = await freePort()
  const old = new TestBlock(ready, `ready 127.0.0.1:${port}`, { below: stages({ forward: true }) })
  const next = new TestBlock(ready, `ready 127.0.0.1:${port}`, {
    below: stages({ forward: false }),
  })
  await old.start(t)
  assert.deepEqual(await get(port), [200, 'OK'])
  await next.start(t)
  assert.deepEqual(await get(port), [503, 'forward'])
  await next.stage.stop?.(false)
  assert.deepEqual(await get(port), [200, 'OK'])
})

test('reasons of the daemon come before those of the plugins, all of them', async (t) => {
  const port = await freePort()
  const below = stages({ forward: false })
  const block = new TestBlock(ready, `ready 127.0.0.1:${port}`, { below })
  const { readiness } = block.context.services
  readiness.hold('No interception yet')
  await block.start(t)
  assert.deepEqual(await get(port), [503, 'No interception yet'])
  readiness.hold('Shutting down')
  assert.deepEqual(await get(port), [503, 'No interception yet, Shutting down'])
  readiness.release('No interception yet')
  readiness.release('Shutting down')
  assert.deepEqual(await get(port), [503, 'forward'])
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
