import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'

import { startChromium } from './chromium.ts'
import { requireTools } from './debian.ts'
import { temporaryFolder } from './nsd.ts'

const WIDE = `<!doctype html><title>wide</title><meta name="viewport" content="width=device-width">
<body style="margin: 0"><p id="js">no</p><div style="width: 500px; height: 1200px">wide</div>
<noscript><p id="without"></p></noscript>
<script>document.querySelector('#js').textContent = 'yes'; console.error('so', 1)</script>
<script src="absent.js"></script><script>throw new Error('thrown')</script>
<style>@media (prefers-color-scheme: dark) { #js { color: red } } @media print { div { display: none } }</style>`

test('a page shows what it asks for, what it complains of and how wide it is', async (t) => {
  const skip = requireTools('chromium')
  if (skip !== false) return t.skip(skip)
  const folder = temporaryFolder(t)
  const file = join(folder, 'page.html')
  writeFileSync(file, WIDE)
  const url = pathToFileURL(file).href
  const chromium = await startChromium(t)

  const page = await chromium.open(url, { width: 390, dark: true })
  assert.deepEqual(page.requests, [url.replace('page.html', 'absent.js')])
  assert.match(page.complaints.join('\n'), /"so"[^]*Failed to load|Failed to load[^]*"so"/)
  assert.match(page.complaints.join('\n'), /Error: thrown/)
  assert.ok((await page.overflow()) >= 110)
  assert.equal(await page.evaluate(`document.querySelector('#js').textContent`), 'yes')
  const color = `getComputedStyle(document.querySelector('#js')).color`
  assert.equal(await page.evaluate(color), 'rgb(255, 0, 0)')
  await assert.rejects(page.evaluate('absent()'), /absent is not defined/)
  await page.screenshot(join(folder, 'page.png'))
  const png = readFileSync(join(folder, 'page.png'))
  assert.equal(png.toString('latin1', 1, 4), 'PNG')
  // The page is longer than the 800 pixels of the window.
  assert.ok(png.readUInt32BE(20) >= 1200)
  await page.close()

  const plain = await chromium.open(url, { width: 390, javascript: false, print: true })
  assert.equal(await plain.evaluate(`document.querySelector('#js').textContent`), 'no')
  assert.equal(await plain.evaluate(`document.querySelector('#without') !== null`), true)
  assert.equal(await plain.overflow(), 0)
})
