import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { pageRoute } from '../../../src/admin/page/index.ts'
import type { HttpReply, HttpRoute } from '../../../src/lib/http.ts'
import { healthy } from './fixtures.ts'

/** A page whose renderings begin when the test says so. */
function scripted({ fails = false } = {}): {
  readonly ask: (client?: string) => Promise<HttpReply>
  readonly begin: () => void
  readonly looks: { status: number; traffic: number; top: number; queries: number }
} {
  const due: (() => void)[] = []
  const looks = { status: 0, traffic: 0, top: 0, queries: 0 }
  const route = pageRoute({
    async status() {
      looks.status++
      if (fails) throw new Error('no status')
      return healthy.status
    },
    traffic: () => (looks.traffic++, healthy.traffic),
    top: () => (looks.top++, healthy.top),
    queries: () => (looks.queries++, healthy.queries),
    clock: { now: () => 0, later: (run) => void due.push(run), pause: async () => {} },
  })
  const request = { accept: '', query: new URLSearchParams() }
  return {
    ask: async (client = 'a') => await route({ ...request, client } as Parameters<HttpRoute>[0]),
    begin: () => due.splice(0).forEach((run) => run()),
    looks,
  }
}

describe('the route of the page', () => {
  test('answers at once, in HTML', async () => {
    const { ask, looks } = scripted()
    const { status, contentType, body } = await ask()
    assert.deepEqual([status, contentType], [200, 'text/html; charset=utf-8'])
    assert.match((body as Buffer).toString(), /^<!doctype html>\n<html lang="en"/)
    assert.deepEqual(looks, { status: 1, traffic: 1, top: 1, queries: 1 })
  })

  test('renders once a second for all who ask meanwhile', async () => {
    const { ask, begin, looks } = scripted()
    await ask()
    const asked = [ask('a'), ask('b'), ask('c')]
    begin()
    const [first, ...others] = await Promise.all(asked)
    for (const { body } of others) assert.equal(body, first!.body)
    assert.deepEqual(looks, { status: 2, traffic: 2, top: 2, queries: 2 })
  })

  test('turns away whom it cannot keep waiting', async () => {
    const { ask, begin } = scripted()
    await ask()
    const asked = Array.from({ length: 17 }, () => ask())
    begin()
    const statuses = (await Promise.all(asked)).map(({ status }) => status)
    assert.deepEqual(statuses, [...new Array<number>(16).fill(200), 503])
  })

  test('fails where its figures do, for the listener to say so', async () => {
    await assert.rejects(scripted({ fails: true }).ask(), /no status/)
  })
})
