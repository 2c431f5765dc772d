// The page in the browser people have: what it shows, with and without JavaScript, and that it asks for nothing.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

import { renderReport } from '../../../../src/commands/bench/report/index.ts'
import { startChromium } from '../../../helpers/chromium.ts'
import { requireTools } from '../../../helpers/debian.ts'
import { temporaryFolder } from '../../../helpers/nsd.ts'
import { waitUntil } from '../../../helpers/processes.ts'
import { resultOf } from './synthetic.ts'

const manner = { server: '10.96.0.10:53', client: 'glibc', medianMs: 2 }
const runs = [
  { ...manner, label: 'glibc at 10.96.0.10:53', lostOneIn: 1000 },
  { ...manner, label: `<b>long</b>${'x'.repeat(200)}`, client: 'serial' },
  { ...manner, label: 'glibc at 169.254.20.10:53', server: '169.254.20.10:53', medianMs: 0.3 },
]

test('the report in Chromium', { skip: requireTools('chromium') }, async (t) => {
  const file = join(temporaryFolder(t), 'report.html')
  writeFileSync(file, renderReport(resultOf(runs)))
  const url = pathToFileURL(file).href
  const chromium = await startChromium(t)

  for (const [name, view] of [
    ['on a screen', {}],
    ['on a phone in the dark', { width: 390, height: 844, dark: true }],
    ['on paper', { width: 700, print: true }],
  ] as const) {
    await t.test(`${name} it draws, fits, asks nobody and complains of nothing`, async () => {
      const page = await chromium.open(url, view)
      const heading = await page.evaluate<string>(`document.querySelector('h1').textContent`)
      assert.match(heading, /^12 of 36,000 look-ups took 5 s or more: 12 of 12,000 with glibc at /)
      const charts = `[...document.querySelectorAll('#charts section')]`
      assert.equal(await page.evaluate(`${charts}.length`), 3)
      assert.equal(
        await page.evaluate(`${charts}[1].querySelector('h3').textContent`),
        runs[1]!.label,
      )
      assert.equal(await page.evaluate(`${charts}.every((c) => ${hasInk})`), true)
      assert.equal(
        await page.evaluate(`document.querySelectorAll('main b b, main h3 b').length`),
        0,
      )
      const paper = await page.evaluate<string>(`getComputedStyle(document.body).backgroundColor`)
      assert.equal(brightness(paper) < 128, 'dark' in view, paper)
      assert.equal(await page.overflow(), 0)
      assert.deepEqual(page.requests, [])
      assert.deepEqual(page.complaints, [])
      await page.close()
    })
  }

  await t.test('without JavaScript all but the charts is there', async () => {
    const page = await chromium.open(url, { width: 390, javascript: false })
    const shown = await page.evaluate<string>(`document.body.innerText`)
    for (const part of ['12 of 36,000', 'need JavaScript', 'single-request-reopen', 'p99.9']) {
      assert.ok(shown.includes(part), part)
    }
    const drawn = `[...document.querySelectorAll('svg')].filter((svg) => svg.clientWidth > 300 && ${lines})`
    assert.equal(await page.evaluate(`${drawn}.length`), 1)
    assert.deepEqual(page.complaints, [])
    assert.equal(await page.overflow(), 0)
  })

  await t.test('its policy refuses what somebody should get into it', async () => {
    const page = await chromium.open(url)
    await page.evaluate(`document.body.insertAdjacentHTML('beforeend',
      '<img src="https://example.com/x.png" onerror="window.bad = 1"><style>body { color: red }</style>')`)
    await page.evaluate(`fetch('https://example.com/').catch(() => {})`)
    await waitUntil('three complaints', () => page.complaints.length >= 3)
    await waitUntil('no request', () => page.requests.length === 0)
    const complaints = page.complaints.join('\n')
    for (const source of ['img-src', 'style-src', 'default-src']) {
      assert.ok(complaints.includes(source), `${source}: ${complaints}`)
    }
    assert.equal(await page.evaluate(`window.bad`), undefined)
  })
})

/** Whether something is drawn on a chart's canvas. */
const hasInk = `(() => {
  const canvas = c.querySelector('canvas')
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
  return data.some((value) => value !== 0)
})()`
const lines = `svg.querySelectorAll('polyline').length === 3`

function brightness(rgb = ''): number {
  const [red = 0, green = 0, blue = 0] = (rgb.match(/\d+/g) ?? []).map(Number)
  return (red + green + blue) / 3
}
