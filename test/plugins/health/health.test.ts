import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { health } from '../../../src/plugins/health/index.ts'
import { freePort } from '../../helpers/ports.ts'
import { testServices } from '../../helpers/services.ts'
import { TestBlock } from '../../telemetry/block.ts'

async function get(port: number): Promise<[status: number, type: string | null, body: string]> {
  const response = await fetch(`http://127.0.0.1:${port}/health`)
  return [response.status, response.headers.get('content-type'), await response.text()]
}

test('/health is OK while the own sockets answer, and says why it is not', async (t) => {
  const port = await freePort()
  let problem: string | null = null
  const selfCheck = (): Promise<string | null> => Promise.resolve(problem)
  const healthy = new TestBlock(health, `health 127.0.0.1:${port}`, {
    services: { life: { selfCheck } },
  })
  await healthy.start(t)
  assert.deepEqual(await get(port), [200, 'text/plain; charset=utf-8', 'OK'])
  await healthy.stage.stop?.(true)

  problem = 'dns://127.0.0.1:53 does not answer over TCP'
  const ill = new TestBlock(health, `health 127.0.0.1:${port}`, {
    services: { life: { selfCheck } },
  })
  await ill.start(t)
  const [status, , body] = await get(port)
  assert.deepEqual([status, body], [503, `${problem}\n`])
})

test('a reload shows no gap and goes on with the same checks', async (t) => {
  const port = await freePort()
  let asked = 0
  let answer: (problem: null) => void = () => {}
  const selfCheck = (): Promise<string | null> => {
    asked++
    return new Promise((resolve) => (answer = resolve))
  }
  const services = testServices({ life: { selfCheck } })
  const old = new TestBlock(health, `health 127.0.0.1:${port}`, { services })
  const next = new TestBlock(health, `health 127.0.0.1:${port}`, { services })
  await old.start(t)
  await next.start(t)
  assert.equal(asked, 1)
  answer(null)
  assert.equal((await get(port))[0], 200)
  await old.stage.stop?.(false)
  assert.equal((await get(port))[0], 200)
  await next.stage.stop?.(true)
  await assert.rejects(get(port))
})

test('an address in use ends the start with an error that names plugin, address and remedy', async (t) => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.after(() => void other.close())
  const { port } = other.address() as { port: number }
  const block = new TestBlock(health, `health 127.0.0.1:${port}`)
  await assert.rejects(block.start(t), {
    code: 'EADDRINUSE',
    message:
      `plugin/health: Cannot listen on 127.0.0.1:${port}: the address is in use: ` +
      'stop the program that uses it or configure another address',
  })
})

test('lameduck goes on for its time, with /health as it was', async (t) => {
  const port = await freePort()
  const block = new TestBlock(health, `health 127.0.0.1:${port} {\nlameduck 150ms\n}`)
  await block.start(t)
  const began = performance.now()
  const over = block.stage.lameduck!()
  assert.deepEqual(block.log.texts, ['info plugin/health: Going into lameduck mode for 150ms'])
  assert.equal((await get(port))[0], 200)
  await over
  assert.ok(performance.now() - began >= 149)
  assert.equal((await get(port))[0], 200)
})

test('without lameduck the end is not delayed, and the block describes itself', async () => {
  const block = new TestBlock(health, 'health')
  await block.stage.lameduck!()
  assert.deepEqual(block.log.texts, [])
  assert.deepEqual(block.stage.describe?.(), [':8080'])
  const patient = new TestBlock(health, 'health :8080 {\nlameduck 5s\n}')
  assert.deepEqual(patient.stage.describe?.(), [':8080', 'lameduck 5s'])
})

test('lameduck until idle ends when no client asks any more, or with its time', async () => {
  for (const [idle, word] of [
    [true, 'No client asks any more'],
    [false, 'Clients still ask, and their time is up'],
  ] as const) {
    const asked: number[][] = []
    const untilIdle = (...times: number[]): Promise<boolean> => {
      asked.push(times)
      return Promise.resolve(idle)
    }
    const lines = 'health {\nlameduck 30s until idle\n}'
    const block = new TestBlock(health, lines, { services: { life: { untilIdle } } })
    await block.stage.lameduck!()
    assert.deepEqual(asked, [[1_000, 30_000]])
    assert.deepEqual(block.log.texts, [
      'info plugin/health: Going into lameduck mode for 30s until idle',
      `info plugin/health: ${word}`,
    ])
    assert.deepEqual(block.stage.describe?.(), [':8080', 'lameduck 30s until idle'])
  }
})
