import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { LineQueue } from '../../src/telemetry/line-queue.ts'

/** A stream whose writes end when the test says so. */
class SlowStream extends Writable {
  readonly chunks: string[] = []
  release: (error?: Error) => void = () => {}

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.chunks.push(chunk.toString())
    this.release = done
  }
}

test('lines of one tick leave as one chunk', async () => {
  const stream = new SlowStream()
  const queue = new LineQueue(stream, 100, { lines: 0 })
  queue.write('a\n')
  queue.write('b\n')
  assert.deepEqual(stream.chunks, [])
  await setImmediate()
  assert.deepEqual(stream.chunks, ['a\nb\n'])
})

test('lines beyond the limit are dropped, counted and reported once there is room', async () => {
  const stream = new SlowStream()
  const dropped = { lines: 0 }
  const queue = new LineQueue(stream, 6, dropped)
  queue.onRecovered = (lines) => queue.write(`${lines}!\n`)
  for (const line of ['a\n', 'b\n', 'c\n', 'd\n', 'e\n']) queue.write(line)
  assert.equal(dropped.lines, 2)
  await setImmediate()
  stream.release()
  await setImmediate()
  assert.deepEqual(stream.chunks, ['a\nb\nc\n', '2!\n'])
})

test('flush() is true when all has left and false when the time is up', async () => {
  const stream = new SlowStream()
  const queue = new LineQueue(stream, 100, { lines: 0 })
  assert.equal(await queue.flush(1), true)
  queue.write('a\n')
  assert.equal(await queue.flush(1), false)
  const flushed = queue.flush(60_000)
  stream.release()
  assert.equal(await flushed, true)
})

test('a broken stream drops and counts every line from then on', async () => {
  const stream = new SlowStream()
  const dropped = { lines: 0 }
  const queue = new LineQueue(stream, 100, dropped)
  queue.write('a\n')
  queue.push()
  queue.write('b\n')
  const flushed = queue.flush(60_000)
  stream.release(new Error('EPIPE'))
  assert.equal(await flushed, false)
  queue.write('c\n')
  assert.equal(dropped.lines, 2)
  assert.equal(await queue.flush(1), false)
})

test('a stream that is destroyed while it writes does not keep flush() waiting', async () => {
  const stream = new SlowStream()
  const queue = new LineQueue(stream, 100, { lines: 0 })
  queue.write('a\n')
  queue.push()
  stream.destroy(new Error('EPIPE'))
  await setImmediate()
  stream.release()
  assert.equal(await Promise.race([queue.flush(60_000), setImmediate('waits')]), false)
})

test('refuses() counts a line as dropped where an ordinary one would not fit, or none leaves', async () => {
  const stream = new SlowStream()
  const dropped = { lines: 0 }
  const queue = new LineQueue(stream, 200, dropped)
  queue.write(`${'x'.repeat(71)}\n`)
  assert.equal(queue.refuses(), false)
  queue.write('y\n')
  assert.deepEqual([queue.refuses(), dropped.lines], [true, 1])
  await setImmediate()
  stream.release()
  await setImmediate()
  assert.equal(queue.refuses(), false)
  queue.write('z\n')
  await setImmediate()
  stream.release(new Error('EPIPE'))
  assert.deepEqual([queue.refuses(), dropped.lines], [true, 2])
})
