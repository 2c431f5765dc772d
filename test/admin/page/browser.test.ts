import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'

import { pageRoute } from '../../../src/admin/page/index.ts'
import type { PageData } from '../../../src/admin/page/render.ts'
import type { HttpReply, HttpRoute } from '../../../src/lib/http.ts'
import { startChromium } from '../../helpers/chromium.ts'
import { requireTools } from '../../helpers/debian.ts'
import { plainHttp } from '../../helpers/http.ts'
import { waitUntil } from '../../helpers/processes.ts'
import { deadUpstream, healthy, hostile } from './fixtures.ts'

interface Served {
  data: PageData
  /** Changes the page on its way. */
  change: (html: string) => string
  /** Answers so far. */
  times: number
  readonly url: string
  close(): Promise<void>
}

async function serve(t: TestContext): Promise<Served> {
  const route = pageRoute({
    status: () => served.data.status,
    traffic: () => served.data.traffic,
    top: () => served.data.top,
    queries: () => served.data.queries,
    // Renders as often as it is asked.
    clock: { now: () => 0, later: (run) => run(), pause: async () => {} },
  })
  const counted: HttpRoute = async (request): Promise<HttpReply> => {
    served.times++
    const reply = await route(request)
    return { ...reply, body: served.change((reply.body as Buffer).toString()) }
  }
  const lease = await plainHttp.acquire('127.0.0.1:0', { '/': counted })
  t.after(() => lease.release())
  const served: Served = {
    data: healthy,
    change: (html) => html,
    times: 0,
    url: `http://127.0.0.1:${lease.port}/`,
    close: () => lease.release(),
  }
  return served
}

const text = (selector: string): string => `document.querySelector('${selector}').textContent`
/** Has the page look for news now, as it does when its tab comes to the front. */
const LOOK = `document.dispatchEvent(new Event('visibilitychange'))`
/** Resolves when the verdict is a new one. */
const CHANGED = `new Promise((resolve) => {
  new MutationObserver((_, observer) => { observer.disconnect(); resolve(${text('h2')}) })
    .observe(document.querySelector('main'), { childList: true }); ${LOOK} })`
/** The least contrast of any text on what is under it. */
const CONTRAST = `(() => {
  const rgb = (color) => color.match(/[\\d.]+/g).map(Number)
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0)
  const under = (one) => { const color = rgb(getComputedStyle(one).backgroundColor)
    return color[3] === 0 ? under(one.parentElement) : color }
  // One of each kind: rows of a table look the same.
  const kinds = new Map([...document.querySelectorAll('body *:not(script, noscript)')]
    .filter((one) => one.namespaceURI.endsWith('xhtml') && [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== ''))
    .map((one) => [[one.closest('section')?.id, one.parentElement.className, one.tagName, one.className].join(), one]))
  return Math.min(...[...kinds.values()].map((one) => {
    const [a, b] = [light(rgb(getComputedStyle(one).color)), light(under(one))]
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) }))
})()`

test('the page in a browser', async (t) => {
  const skip = requireTools('chromium')
  if (skip !== false) return t.skip(skip)
  const served = await serve(t)
  const chromium = await startChromium(t)
  const page = await chromium.open(served.url)

  await t.test('shows what the server has drawn, in a size that fits', async () => {
    assert.match(await page.evaluate(text('h2')), /All is well/)
    assert.equal(await page.evaluate('document.title'), 'All is well · worker-7.eu-west · dnslet')
    assert.equal(
      await page.evaluate(`document.querySelectorAll('.heat path[class^=heat]').length`),
      5,
    )
    const columns = `document.querySelectorAll('.heat .hints path').length`
    assert.equal(await page.evaluate(columns), 120)
    const box = (selector: string): string =>
      `(({ width, height }) => [width > 300, height > 100])(document.querySelector('${selector}').getBoundingClientRect())`
    assert.deepEqual(await page.evaluate(box('.heat svg')), [true, true])
    assert.equal(await page.overflow(), 0)
  })

  await t.test('replaces what has changed, and leaves open what was opened', async () => {
    await page.evaluate(`document.querySelector('details').open = true; window.marker = 1`)
    await page.evaluate(`window.answers = document.querySelector('#interception')`)
    served.data = deadUpstream
    assert.match(await page.evaluate(CHANGED), /No upstream answers for cluster\.local:53/)
    await waitUntil(
      'title of the tab',
      async () =>
        (await page.evaluate('document.title')) === '3 problems · worker-7.eu-west · dnslet',
    )
    assert.equal(await page.evaluate(text('#spoken')), '3 problems · worker-7.eu-west · dnslet')
    assert.equal(await page.evaluate(`document.querySelector('details').open`), true)
    assert.equal(
      await page.evaluate(`window.answers === document.querySelector('#interception')`),
      true,
    )
    assert.match(await page.evaluate(`document.querySelector('link[rel=icon]').href`), /cf222e/)
  })

  await t.test('pauses, and loads itself again for another version', async () => {
    await page.evaluate(`document.querySelector('#pause').click()`)
    const before = served.times
    await page.evaluate(LOOK)
    assert.equal(await page.evaluate(text('#pause')), 'Resume updates')
    assert.equal(served.times, before)
    served.change = (html) => html.replace(/data-revision="[^"]*"/, 'data-revision="next"')
    await page.evaluate(`document.querySelector('#pause').click()`)
    await waitUntil('two requests', async () => served.times === before + 2)
    await waitUntil(
      'another document',
      async () => (await page.evaluate('typeof window.marker')) === 'undefined',
    )
  })

  await t.test('asks nobody else, breaks no rule of its policy', () => {
    assert.deepEqual([page.requests, page.complaints], [[], []])
  })

  await t.test('is legible in both colour schemes: 4.5:1 at least', async () => {
    served.change = (html) => html
    for (const dark of [false, true]) {
      const one = await chromium.open(served.url, { dark, width: 390 })
      const ratio = await one.evaluate<number>(CONTRAST)
      assert.ok(ratio >= 4.5, `${dark ? 'dark' : 'light'}: ${ratio}`)
      assert.equal(await one.overflow(), 0)
      await one.close()
    }
  })

  await t.test('makes nothing of hostile names, without JavaScript and on a phone', async () => {
    served.data = hostile
    const plain = await chromium.open(served.url, { width: 390, javascript: false })
    const found = `['script', 'img', '[onmouseover], [style]', 'meta[http-equiv=refresh]'].map((one) => document.querySelectorAll(one).length)`
    assert.deepEqual(await plain.evaluate(found), [1, 0, 0, 1])
    assert.equal(await plain.evaluate(`document.querySelector('#pause').hidden`), true)
    assert.match(
      await plain.evaluate(text('h1')),
      /dnslet on <\/title><\/style><\/script><img src=x onerror=alert\(2\)>/,
    )
    assert.equal(await plain.overflow(), 0)
    assert.deepEqual([plain.requests, plain.complaints], [[], []])
    await plain.close()
  })

  await t.test('says when nobody answers any more', async () => {
    // Another one: the first would be replaced by what serves now.
    const last = await chromium.open(served.url)
    assert.equal(await last.evaluate(`document.querySelector('#lost').hidden`), true)
    await served.close()
    await last.evaluate(LOOK)
    await waitUntil(
      'notice',
      async () => !(await last.evaluate(`document.querySelector('#lost').hidden`)),
    )
  })
})
