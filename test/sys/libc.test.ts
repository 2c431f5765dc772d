import assert from 'node:assert/strict'
import { spawnSync, type SpawnSyncReturns } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { libc, loadLibc } from '../../src/sys/libc.ts'
import { temporaryFolder } from '../helpers/nsd.ts'

describe('loadLibc()', () => {
  test('says why a binary cannot be loaded, in one line', () => {
    const result = loadLibc(() => {
      throw new Error('Cannot find the native module\nRequire stack: …')
    })
    assert.deepEqual(result, {
      libc: null,
      reason: 'Cannot load koffi: Cannot find the native module',
    })
    const odd = loadLibc(() => {
      // oxlint-disable-next-line no-throw-literal, typescript/only-throw-error
      throw 'odd'
    })
    assert.equal(odd.reason, 'Cannot load koffi: odd')
  })

  test('loads nothing on a platform whose layouts it does not know', () => {
    const never = (): never => assert.fail('loaded')
    assert.match(loadLibc(never, 'darwin', 'arm64').reason, /this is darwin on arm64$/)
    assert.match(loadLibc(never, 'linux', 'ia32').reason, /this is linux on ia32$/)
  })
})

describe('libc()', () => {
  const { libc: library, reason } = libc()

  test('loads once', () => assert.equal(libc(), libc()))

  test('tells the error of a failed call', { skip: library === null ? reason : false }, () => {
    assert.equal(library!.close(-1), -1)
    assert.equal(library!.errno(), 9)
  })

  test(
    'leaves koffi no file to write to its disk at the end, and an exception its message',
    { skip: library === null ? reason : false },
    (t) => {
      const load = `
        const { libc } = await import(${JSON.stringify(import.meta.resolve('../../src/sys/libc.ts'))})
        const { readlinkSync } = await import('node:fs')
        libc()`
      const look = `process.on('exit', () => {
        const isSpared = [1, 2].every((fd) => readlinkSync('/proc/self/fd/' + fd) === '/dev/null')
        process.exitCode = isSpared ? 10 : 11
      })`
      const directory = temporaryFolder(t)
      const run = (lines: string, output: string): SpawnSyncReturns<string> => {
        const file = openSync(output, 'w')
        try {
          const args = ['--input-type=module', '-e', `${load}\n${lines}`]
          return spawnSync(process.execPath, args, {
            stdio: ['ignore', file, 'pipe'],
            encoding: 'utf8',
          })
        } finally {
          closeSync(file)
        }
      }
      assert.equal(run(look, join(directory, 'log')).status, 10)
      assert.equal(run(look, '/dev/null').status, 11, 'no file')
      assert.match(run(`throw new Error('odd')`, join(directory, 'log')).stderr, /Error: odd/)
    },
  )

  test('allocates zeroed memory', { skip: library === null ? reason : false }, () => {
    const { address, bytes } = library!.allocate(10_000)
    assert.ok(Number.isSafeInteger(address) && address > 0)
    assert.equal(bytes.byteLength, 10_000)
    assert.ok(new Uint8Array(bytes).every((octet) => octet === 0))
  })
})
