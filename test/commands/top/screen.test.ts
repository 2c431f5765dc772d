import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import { type Keyboard, Screen, type Terminal } from '../../../src/commands/top/screen.ts'

const ENTER = '\u001b[?1049h\u001b[?25l'
const LEAVE = '\u001b[0m\u001b[?25h\u001b[?1049l'

class FakeKeyboard extends EventEmitter implements Keyboard {
  readonly isTTY: boolean
  raw = false
  paused = false

  constructor(isTTY = true) {
    super()
    this.isTTY = isTTY
  }

  setRawMode(raw: boolean): void {
    this.raw = raw
  }

  pause(): void {
    this.paused = true
  }
}

function fake(keyboard = new FakeKeyboard()): {
  terminal: Terminal
  written: string[]
  keyboard: FakeKeyboard
  out: EventEmitter
} {
  const written: string[] = []
  const write = (text: string | Uint8Array): boolean => written.push(String(text)) > 0
  const out = Object.assign(new EventEmitter(), { write, columns: 80, rows: 24 })
  const terminal = { out, keyboard, writeNow: (text: string) => void written.push(text) }
  return { terminal: terminal as unknown as Terminal, written, keyboard, out }
}

test('a screen gives the terminal back as it was, once', () => {
  const { keyboard, out, terminal, written } = fake()
  const listeners = process.listenerCount('exit')
  const screen = new Screen(terminal, assert.fail, assert.fail)
  assert.deepEqual(written, [ENTER])
  assert.equal(keyboard.raw, true)
  screen.close()
  screen.close()
  assert.deepEqual(written, [ENTER, LEAVE])
  assert.equal(keyboard.raw, false)
  assert.equal(keyboard.paused, true)
  assert.equal(keyboard.listenerCount('data') + out.listenerCount('resize'), 0)
  assert.equal(process.listenerCount('exit'), listeners)
})

test('it does so where the process ends without asking it', () => {
  const { terminal, written } = fake()
  const before = process.listeners('uncaughtExceptionMonitor')
  new Screen(terminal, assert.fail, assert.fail)
  const [own] = process.listeners('uncaughtExceptionMonitor').filter((one) => !before.includes(one))
  own!(new Error('a defect'), 'uncaughtException')
  assert.deepEqual(written, [ENTER, LEAVE])
})

test('a page is drawn from the top, each line and the rest cleared', () => {
  const { terminal, written } = fake()
  const screen = new Screen(terminal, assert.fail, assert.fail)
  screen.draw([
    { text: 'NAMES', isHeading: true },
    { text: 'a.test.', isHeading: false },
  ])
  screen.close()
  assert.equal(written[1], '\u001b[H\u001b[1mNAMES\u001b[0m\u001b[K\r\na.test.\u001b[K\u001b[J')
})

test('q and Ctrl-C end it, other keys do not', () => {
  const { keyboard, terminal } = fake()
  let quits = 0
  const screen = new Screen(terminal, () => quits++, assert.fail)
  for (const keys of ['x', '\u001b[A', 'q', '\u0003', 'aq'])
    keyboard.emit('data', Buffer.from(keys))
  screen.close()
  assert.equal(quits, 3)
})

test('another size is told, and a keyboard that is none is left alone', () => {
  const { keyboard, out, terminal } = fake(new FakeKeyboard(false))
  let resized = 0
  const screen = new Screen(terminal, assert.fail, () => resized++)
  out.emit('resize')
  assert.equal(resized, 1)
  assert.equal(keyboard.raw, false)
  screen.close()
  assert.equal(keyboard.paused, false)
})
