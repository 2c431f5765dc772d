import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FileOutput } from '../../src/telemetry/file-output.ts'
import { LineQueue } from '../../src/telemetry/line-queue.ts'

/** A disk with room for so many octets, and what is on it. */
class Disk {
  room = 0
  text = ''
  readonly write = (_fd: number, bytes: Buffer, offset: number): number => {
    const taken = bytes.subarray(offset, offset + this.room)
    if (taken.length === 0) throw Object.assign(new Error('no space left'), { code: 'ENOSPC' })
    this.room -= taken.length
    this.text += taken.toString()
    return taken.length
  }
}

test('a full disk loses what it does not take, says how much, and goes on when there is room', () => {
  const disk = new Disk()
  const dropped = { lines: 0 }
  const queue = new LineQueue(new FileOutput(1, disk.write), 1000, dropped)
  queue.onRecovered = (lines) => queue.write(`${lines} lost\n`)
  const say = (...lines: readonly string[]): void => {
    for (const line of lines) queue.write(`${line}\n`)
    queue.push()
  }
  disk.room = 5
  say('one', 'two', 'three')
  say('four')
  assert.equal(disk.text, 'one\nt')
  assert.equal(dropped.lines, 4)
  disk.room = 100
  say('five')
  say('six')
  // The first three are one chunk, which counts as lost.
  assert.equal(disk.text, 'one\nt\nfive\n4 lost\nsix\n')
  assert.equal(queue.refuses(), false)
})
