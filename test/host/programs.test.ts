import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, test } from 'node:test'

import { hostPrograms, ProgramError } from '../../src/host/programs.ts'

describe('hostPrograms()', () => {
  test('gives input, and returns the lines that are wanted', async () => {
    const input = 'one\ntwo\nthree'
    const keep = (line: string): boolean => line.startsWith('t')
    assert.deepEqual(await hostPrograms().run('cat', [], { input, keep }), ['two', 'three'])
    assert.deepEqual(await hostPrograms().run('cat', [], { input }), ['one', 'two', 'three'])
  })

  test('adds to the environment', async () => {
    const programs = hostPrograms({ XTABLES_LOCKFILE: '/run/dnslet/lock' })
    const keep = (line: string): boolean => /^(XTABLES|PATH)/.test(line)
    const lines = await programs.run('env', [], { keep })
    assert.ok(lines.includes('XTABLES_LOCKFILE=/run/dnslet/lock'))
    assert.equal(lines.length, 2)
  })

  test('tells what a program that fails has said, or its status', async () => {
    await assert.rejects(hostPrograms().run('ls', ['/absent']), (error) => {
      assert.ok(error instanceof ProgramError)
      assert.equal(error.code, 'E_PROGRAM')
      assert.match(error.message, /^Cannot run ls \/absent: .*No such file/)
      return true
    })
    await assert.rejects(hostPrograms().run('false', []), /Cannot run false: status 1$/)
  })

  test('names a program that is not installed', async () => {
    await assert.rejects(hostPrograms().run('dnslet-absent', []), { code: 'E_NO_PROGRAM' })
  })

  test('does not take a program for missing where nothing can be started', async () => {
    // A process of its own takes all descriptors that it may have.
    const script = `
      import { openSync } from 'node:fs'
      import { hostPrograms } from '${new URL('../../src/host/programs.ts', import.meta.url).href}'
      const programs = hostPrograms({}, 1)
      try { for (;;) openSync('/dev/null') } catch {}
      const failed = await programs.run('true', []).catch((cause) => cause)
      process._rawDebug([failed.code, failed.message].join())`
    const limited = 'ulimit -n 64 && exec "$0" --input-type=module -e "$1"'
    // Coverage would be one more file to write.
    const env = { ...process.env, NODE_V8_COVERAGE: '' }
    const args = ['-c', limited, process.execPath, script]
    const child = spawnSync('sh', args, { encoding: 'utf8', env })
    assert.equal(child.stderr, 'E_PROGRAM_UNHEARD,Cannot run true: spawn true EMFILE\n')
    assert.equal(child.status, 0)
  })

  test('kills what hangs', async () => {
    const programs = hostPrograms({}, 50)
    const killed = { code: 'E_PROGRAM_UNHEARD', message: /killed by SIGKILL after 50 ms$/ }
    await assert.rejects(programs.run('sleep', ['20']), killed)
  })

  test('does not wait for what a script that hangs has started', { timeout: 4000 }, async () => {
    const programs = hostPrograms({}, 50)
    const args = ['-c', 'sleep 5; true']
    await assert.rejects(programs.run('sh', args), /killed by SIGKILL after 50 ms$/)
  })

  test('does not mind input that nobody reads', async () => {
    const input = 'x'.repeat(1 << 20)
    assert.deepEqual(await hostPrograms().run('true', [], { input }), [])
  })
})
