import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Markup, markup } from '../../../src/admin/page/markup.ts'

const text = (value: string): string => markup`${value}`.html

test('what is put into markup is text, and markup in it stays markup', () => {
  const inner = markup`<b>${'a & b'}</b>`
  assert.equal(markup`<p>${inner}${'<i>'}${3}${null}</p>`.html, '<p><b>a &amp; b</b>&lt;i&gt;3</p>')
  assert.equal(
    markup`${[inner, 'c', [1, null, new Markup('<br>')]]}`.html,
    '<b>a &amp; b</b>c1<br>',
  )
})

test('a text cannot leave the attribute it stands in', () => {
  assert.equal(
    markup`<a title="${`" onclick='x'`}">`.html,
    '<a title="&quot; onclick=&#39;x&#39;">',
  )
  assert.equal(text('&lt;'), '&amp;lt;')
  assert.equal(text('“a” & <b>'), '“a” &amp; &lt;b&gt;')
})

test('what turns, hides or breaks the text around it is spelt', () => {
  assert.equal(text('a\u202Egnp.exe'), 'a\\u202egnp.exe')
  assert.equal(text('\u200B\uFEFF\u2066'), '\\u200b\\ufeff\\u2066')
  assert.equal(text('a\nb\x00\x1B[31m'), 'a\\nb\\x00\\x1b[31m')
  assert.equal(text('\uD800x'), '\\ud800x')
})

test('letters of all scripts stay, piles of marks do not', () => {
  assert.equal(text('שלום, 你好, naïve → “ok”'), 'שלום, 你好, naïve → “ok”')
  assert.equal(text(`e\u0301\u0302${'\u0303'.repeat(99)}!`), 'e\u0301\u0302…!')
})

test('a text ends somewhere, and not in the middle of a character', () => {
  assert.equal(text('x'.repeat(512)), 'x'.repeat(512))
  assert.equal(text('x'.repeat(513)), `${'x'.repeat(512)}…`)
  // Cut between its halves, a character would be half of one.
  assert.equal(text(`${'x'.repeat(511)}😀`), `${'x'.repeat(511)}…`)
})
