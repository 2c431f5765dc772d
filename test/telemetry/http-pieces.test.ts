import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HttpRoute } from '../../src/lib/http.ts'
import { plainText } from '../../src/telemetry/http-answer.ts'
import { plainHttp } from '../helpers/http.ts'

async function serve(t: { after(fn: () => unknown): void }, route: HttpRoute): Promise<string> {
  const lease = await plainHttp.acquire('127.0.0.1:0', { '/x': route })
  t.after(() => lease.release())
  return `http://${lease.address}/x`
}

test('an answer in pieces arrives whole, and others have their turn meanwhile', async (t) => {
  let turns = 0
  const timer = setInterval(() => turns++, 1)
  t.after(() => clearInterval(timer))
  function* pieces(): Generator<string> {
    for (let i = 0; i < 100; i++) {
      const until = performance.now() + 0.5
      while (performance.now() < until);
      yield `${i}\n`
    }
  }
  const url = await serve(t, () => ({ status: 200, contentType: 'text/plain', body: pieces() }))
  const text = await (await fetch(url)).text()
  assert.equal(text, Array.from({ length: 100 }, (_, i) => `${i}\n`).join(''))
  assert.ok(turns >= 5, `${turns} turns`)
  const head = await fetch(url, { method: 'HEAD' })
  assert.deepEqual([head.status, await head.text()], [200, ''])
})

test('pieces that break off break the connection off: nobody takes them for the whole', async (t) => {
  function* pieces(): Generator<string> {
    yield 'x'.repeat(100_000)
    throw new Error('oops')
  }
  const url = await serve(t, () => ({ status: 200, contentType: 'text/plain', body: pieces() }))
  await assert.rejects(fetch(url).then((response) => response.text()))
})

test('a body is read up to its bound, and what is longer is null and gets an answer', async (t) => {
  const url = await serve(t, async ({ body, method }) => {
    const octets = await body(10)
    return plainText(200, `${method} ${octets.toString()}`)
  })
  const send = async (body: string): Promise<string> =>
    (await fetch(url, { method: 'PUT', body })).text()
  assert.equal(await send('0123456789'), 'PUT 0123456789')
  assert.equal(await send('0123456789a'), 'PUT too long')
  assert.equal(await send('x'.repeat(3_000_000)), 'PUT too long')
})

test('a route beside another path is there where that path is, and a share has its own', async (t) => {
  plainHttp.addBeside('/beside', { '/more': () => plainText(200, 'more') })
  const lease = await plainHttp.acquire('127.0.0.1:0', { '/beside': () => plainText(200, 'here') })
  const other = await plainHttp.acquire('127.0.0.1:0', { '/else': () => plainText(200, 'else') })
  t.after(() => Promise.all([lease.release(), other.release()]))
  const get = async (address: string): Promise<string> =>
    (await fetch(`http://${address}/more`)).text()
  assert.equal(await get(lease.address), 'more')
  assert.equal(await get(other.address), '404 page not found\n')
  const own = await plainHttp.acquire(lease.address, { '/more': () => plainText(200, 'own') })
  assert.equal(await get(lease.address), 'own')
  await own.release()
  assert.equal(await get(lease.address), 'more')
})
