import type { Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Characters written at once of an answer in pieces, and milliseconds of work after which it pauses as long:
 * queries have at least half of the time. The last of the work, its writing and V8's collector come on top.
 */
const PIECE = 16 * 1024
const SLICE_MS = 1

/**
 * Neither makes more than is read, nor keeps the event loop for long. The stream is not ended; false: it is broken, as
 * it is made where a piece cannot be. Never rejects.
 *
 * @param frame what is written for a text
 */
export async function writePieces(
  stream: Writable,
  pieces: Iterable<string>,
  frame: (text: string) => string = (text) => text,
): Promise<boolean> {
  const iterator = pieces[Symbol.iterator]()
  try {
    for (let isDone = false; !isDone && !stream.destroyed;) {
      const began = performance.now()
      let text = ''
      while (!isDone && text.length < PIECE && performance.now() - began < SLICE_MS) {
        const next = iterator.next()
        if (next.done === true) isDone = true
        else text += next.value
      }
      if (text !== '' && !stream.write(frame(text))) await drained(stream)
      if (!isDone) await sleep(SLICE_MS)
    }
    return !stream.destroyed
  } catch {
    // What has been written says that all is well: only a broken connection tells that it is not.
    stream.destroy()
    return false
  } finally {
    iterator.return?.()
  }
}

function drained(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      stream.off('drain', end).off('close', end)
      resolve()
    }
    stream.once('drain', end).once('close', end)
  })
}
