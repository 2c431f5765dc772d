import assert from 'node:assert/strict'
import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'

import { Screen } from '../../../src/commands/demo/screen.ts'

function open(isTTY: boolean): { screen: Screen; text: () => string; out: PassThrough } {
  const out = Object.assign(new PassThrough(), { isTTY })
  return { screen: new Screen(out), text: () => String(out.read() ?? ''), out }
}

test('a terminal shows the live line in place, below whatever is printed', () => {
  const { screen, text } = open(true)
  screen.show('one')
  screen.print('printed\n')
  screen.show('two')
  screen.end()
  const clear = '\r\u001b[2K'
  assert.equal(text(), `${clear}one${clear}printed\none${clear}two\n`)
})

test('a log gets the live line as a line, only where it has changed', () => {
  const { screen, text } = open(false)
  screen.show('one')
  screen.show('one')
  screen.print('printed\n')
  screen.show('two')
  screen.end()
  assert.equal(text(), 'one\nprinted\ntwo\n')
})

test('what is written to the stream is printed', async () => {
  const { screen, text } = open(false)
  const stream = screen.stream()
  stream.end('[INFO] said\n')
  await once(stream, 'finish')
  assert.equal(text(), '[INFO] said\n')
})

test('a reader that went away is no error', () => {
  const { screen, out } = open(false)
  assert.doesNotThrow(() => out.emit('error', new Error('EPIPE')))
  screen.show('unread')
})
