import assert from 'node:assert/strict'
import { test } from 'node:test'
import { anonymousBytes, dropMappedFiles } from '../../src/sys/resident.ts'

/** Mappings as in /proc/PID/smaps: a line, and how much of each is the process's own. */
function smaps(...mappings: readonly (readonly [line: string, kib: number])[]): string {
  const text = ([line, kib]: readonly [string, number]): string =>
    `${line}\nSize:    40960 kB\nRss:     40960 kB\nAnonymous:      ${kib} kB\nVmFlags: rd mr\n`
  return mappings.map(text).join('')
}

function dropped(text: string, result = 0): { calls: number[][]; count: number } {
  const calls: number[][] = []
  const madvise = (...call: number[]): number => {
    calls.push(call)
    return result
  }
  return { count: dropMappedFiles({ madvise }, text), calls }
}

test('read-only mappings of files are dropped, code and constants', () => {
  const text = smaps(
    ['00400000-00746000 r--p 00000000 fe:00 12 /usr/local/bin/node', 0],
    ['0074a000-03044000 r-xp 0034a000 fe:00 12 /usr/local/bin/node', 0],
  )
  const calls = [
    [0x40_0000, 0x34_6000],
    [0x74_a000, 0x28f_a000],
  ].flatMap((mapping) => [20, 2, 4, 0].map((advice) => [...mapping, advice]))
  assert.deepEqual(dropped(text), { calls, count: 2 })
  assert.equal(dropped(text, -1).count, 0, 'and where the kernel refuses, they stay')
})

test('what would be lost is not: written pages, shared memory, what is no file', () => {
  const text = smaps(
    ['06b52000-06b55000 r--p 06751000 fe:00 12 /usr/local/bin/node', 12],
    ['06b55000-06b7d000 rw-p 06754000 fe:00 12 /usr/local/bin/node', 0],
    ['0800000-0900000 r--s 00000000 fe:00 12 /dev/shm/x', 0],
    ['7f0000000000-7f0000001000 r-xp 00000000 00:00 0 [vdso]', 0],
    ['7f0000002000-7f0000003000 r--p 00000000 00:00 0', 0],
  )
  assert.deepEqual(dropped(text), { calls: [], count: 0 })
})

test('a process knows its own memory, or 0 where /proc does not tell', () => {
  assert.ok(anonymousBytes() > 4 * 2 ** 20)
  assert.equal(anonymousBytes('/proc/self/absent'), 0)
})
