import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { pprof } from '../../../src/plugins/pprof/index.ts'
import { freePort } from '../../helpers/ports.ts'
import { testServices } from '../../helpers/services.ts'
import { TestBlock } from '../../telemetry/block.ts'

interface CpuProfile {
  readonly nodes: readonly { readonly callFrame: { readonly functionName: string } }[]
  readonly startTime: number
  readonly endTime: number
}

interface HeapNode {
  readonly selfSize: number
  readonly callFrame: { readonly functionName: string }
  readonly children: readonly HeapNode[]
}

function* nodesOf(node: HeapNode): Generator<HeapNode> {
  yield node
  for (const child of node.children) yield* nodesOf(child)
}

/** Keeps a processor busy under a name that a profile is to have. */
function burnsProcessor(ms: number): number {
  const end = performance.now() + ms
  let sum = 0
  while (performance.now() < end) sum += Math.sqrt(sum + 1)
  return sum
}

/** Allocates a lot under a name that a profile is to have. */
function allocatesArrays(): number[][] {
  return Array.from({ length: 100 }, (_, i) =>
    Array.from({ length: 10_000 }, (_unused, j) => i + j),
  )
}

test('profiles of the process, over HTTP', async (t) => {
  const port = await freePort()
  const block = new TestBlock(pprof, `pprof 127.0.0.1:${port} {\nblock\n}`)
  await block.start(t)
  const get = (path: string): Promise<Response> =>
    fetch(`http://127.0.0.1:${port}/debug/pprof${path}`, { redirect: 'manual' })
  const text = async (path: string): Promise<string> => (await get(path)).text()

  const root = await get('')
  assert.deepEqual([root.status, root.headers.get('location')], [302, '/debug/pprof/'])
  const index = await get('/')
  assert.equal(index.headers.get('content-type'), 'text/html; charset=utf-8')
  for (const page of ['profile', 'heap', 'block', 'cmdline']) {
    assert.ok((await index.clone().text()).includes(`href="${page}"`), page)
  }
  assert.equal((await get('/goroutine')).status, 404)
  assert.equal(await text('/cmdline'), process.argv.join('\0'))

  const first = get('/profile?seconds=1')
  const early = await (await get('/profile?seconds=1')).text()
  assert.equal(early, 'Could not enable CPU profiling: cpu profiling already in use\n')
  await sleep(100)
  burnsProcessor(300)
  const profile = (await (await first).json()) as CpuProfile
  assert.ok(profile.endTime - profile.startTime >= 900_000)
  assert.ok(profile.nodes.some(({ callFrame }) => callFrame.functionName === 'burnsProcessor'))
  const long = await get('/profile?seconds=61')
  assert.deepEqual(
    [long.status, await long.text()],
    [400, 'Cannot profile for 61 s: 60 s at most\n'],
  )

  const kept = allocatesArrays()
  for (const path of ['/heap', '/heap?gc=1']) {
    const { head } = JSON.parse(await text(path)) as { head: HeapNode }
    const ours = [...nodesOf(head)].filter(({ callFrame }) =>
      callFrame.functionName.startsWith('allocatesArrays'),
    )
    assert.ok(ours.length > 0, path)
  }
  assert.equal(kept.length, 100)

  assert.match(
    await text('/block'),
    /^delay of the event loop, \d+ looks of 10 ms\n50 %: [\d.]+ ms\n[^]*\nmax: \d{3,}\.\d{3} ms\n$/,
  )
  assert.deepEqual(block.stage.describe!(), [`127.0.0.1:${port}`, 'block'])
})

test('a reload goes on with the same profiler, and a block without `block` watches nothing', async (t) => {
  const port = await freePort()
  const services = testServices()
  const lines = `pprof 127.0.0.1:${port}`
  const old = new TestBlock(pprof, `${lines} {\nblock\n}`, { services })
  const next = new TestBlock(pprof, lines, { services })
  await old.start(t)
  await next.start(t)
  await old.stage.stop!(false)
  const response = await fetch(`http://127.0.0.1:${port}/debug/pprof/block`)
  assert.equal(await response.text(), 'nothing is watched: `block` is not set\n')
  await next.stage.stop!(true)
  await assert.rejects(fetch(`http://127.0.0.1:${port}/debug/pprof/`))
})

test('an address in use ends the start', async (t) => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.after(() => void other.close())
  const { port } = other.address() as { port: number }
  const block = new TestBlock(pprof, `pprof 127.0.0.1:${port}`)
  await assert.rejects(block.start(t), {
    code: 'EADDRINUSE',
    message: /^plugin\/pprof: Cannot listen on 127\.0\.0\.1:\d+: the address is in use/,
  })
})
