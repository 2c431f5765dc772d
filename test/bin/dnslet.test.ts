// What bin/dnslet gives V8 from files like those of cgroup versions 1 and 2 (heap), and Node.js.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'

import { temporaryFolder } from '../helpers/nsd.ts'

const bin = join(import.meta.dirname, '../../bin/dnslet')
const MIB = 1024 * 1024
const V2 = 'memory.max'
const V1 = 'memory/memory.limit_in_bytes'

/** The words that Node.js would be started with, under a cgroup that has these files. */
function wordsWith(
  t: TestContext,
  files: Readonly<Record<string, string>>,
  program = bin,
): string[] {
  const folder = temporaryFolder(t)
  const node = join(folder, 'node')
  writeFileSync(node, '#!/bin/sh\nprintf "%s\\n" "$@"\n')
  chmodSync(node, 0o755)
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  const { status, stdout, stderr } = spawnSync(program, ['-localip', '192.0.2.1,2001:db8::1'], {
    env: { ...process.env, DNSLET_NODE: node, DNSLET_CGROUP: folder },
    encoding: 'utf8',
  })
  assert.equal(status, 0, stderr)
  return stdout.trim().split('\n')
}

function heapWith(t: TestContext, files: Readonly<Record<string, string>>): number {
  const [flag = '', ...more] = wordsWith(t, files).filter((w) => w.includes('max-old-space-size'))
  assert.deepEqual(more, [])
  return Number(/^--max-old-space-size=(\d+)$/.exec(flag)?.[1])
}

test('the heap is a quarter of the limit of cgroup version 2', (t) => {
  assert.equal(heapWith(t, { [V2]: `${200 * MIB}\n` }), 50)
})

test('the heap is a quarter of the limit of cgroup version 1', (t) => {
  assert.equal(heapWith(t, { [V1]: `${200 * MIB}\n` }), 50)
})

test('version 2 counts where both are mounted', (t) => {
  assert.equal(heapWith(t, { [V2]: `${400 * MIB}\n`, [V1]: `${200 * MIB}\n` }), 100)
})

test('the heap has a floor and a ceiling', (t) => {
  assert.equal(heapWith(t, { [V2]: `${64 * MIB}\n` }), 32)
  assert.equal(heapWith(t, { [V2]: `${8192 * MIB}\n` }), 256)
})

test('no limit, in the words of either version or by absence, is the ceiling', (t) => {
  assert.equal(heapWith(t, { [V2]: 'max\n' }), 256)
  assert.equal(heapWith(t, { [V1]: '9223372036854771712\n' }), 256)
  assert.equal(heapWith(t, { [V2]: '' }), 256)
  assert.equal(heapWith(t, {}), 256)
})

test('flags are those of the heap: with others V8 refuses the code that Node.js brings along', (t) => {
  const flags = wordsWith(t, {}).filter((word) => word.startsWith('--'))
  assert.ok(flags.includes('--single-threaded-gc'), 'for lib/v8-flags.ts')
  assert.equal(versionOfCode(flags), versionOfCode([]))
})

/** What V8 compares before it takes code that was compiled before. */
function versionOfCode(flags: readonly string[]): string {
  const script = "console.log(require('node:v8').cachedDataVersionTag())"
  return execFileSync(process.execPath, [...flags, '-e', script], { encoding: 'utf8' })
}

test('the other words arrive unchanged, behind the program', (t) => {
  const words = wordsWith(t, {})
  assert.ok(words.includes('--inspect-port=192.0.2.1:9229'), 'SIGUSR1 opens no debugger')
  assert.deepEqual(words.slice(-3), [
    join(bin, '../../dist/main.js'),
    '-localip',
    '192.0.2.1,2001:db8::1',
  ])
})

test('what is meant for other Node.js programs of a pod is kept from ours', (t) => {
  const node = join(temporaryFolder(t), 'node')
  writeFileSync(node, '#!/bin/sh\nenv\n')
  chmodSync(node, 0o755)
  const meant = {
    NODE_OPTIONS: '--require /agent.js',
    NODE_COMPILE_CACHE: '/proc/x',
    NODE_TLS_REJECT_UNAUTHORIZED: '0',
    OPENSSL_CONF: '/fips.cnf',
    TZ: 'UTC',
  }
  const { stdout } = spawnSync(bin, {
    env: { ...process.env, ...meant, DNSLET_NODE: node },
    encoding: 'utf8',
  })
  assert.deepEqual(
    stdout.split('\n').filter((line) => line.split('=', 1).some((name) => name in meant)),
    ['TZ=UTC'],
  )
})

test('it starts with an empty PATH, and with one that leads nowhere', (t) => {
  const node = join(temporaryFolder(t), 'node')
  writeFileSync(node, '#!/bin/sh\necho "$PATH"\n')
  chmodSync(node, 0o755)
  const pathOf = (PATH: string): string => {
    const { stdout } = spawnSync(bin, { env: { PATH, DNSLET_NODE: node }, encoding: 'utf8' })
    return stdout.trim()
  }
  const usual = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
  assert.equal(pathOf(''), usual)
  assert.equal(pathOf('/none'), `/none:${usual}`)
})

test('Node.js takes its place, as process 1 of a container too: signals reach the daemon', (t) => {
  const node = join(temporaryFolder(t), 'node')
  writeFileSync(node, '#!/bin/sh\necho $$\n')
  chmodSync(node, 0o755)
  const { pid, stdout } = spawnSync(bin, {
    env: { ...process.env, DNSLET_NODE: node },
    encoding: 'utf8',
  })
  assert.equal(Number(stdout), pid)
})

test('links to packages are looked for where a package is one, as with pnpm, and only there', (t) => {
  const root = temporaryFolder(t)
  for (const folder of ['bin', 'dist', 'node_modules/pino', 'elsewhere']) {
    mkdirSync(join(root, folder), { recursive: true })
  }
  cpSync(bin, join(root, 'bin/dnslet'))
  writeFileSync(join(root, 'dist/main.js'), '')
  const program = join(root, 'bin/dnslet')
  assert.ok(wordsWith(t, {}, program).includes('--preserve-symlinks'))
  rmSync(join(root, 'node_modules/pino'), { recursive: true })
  symlinkSync('../elsewhere', join(root, 'node_modules/pino'))
  assert.ok(!wordsWith(t, {}, program).includes('--preserve-symlinks'))
})
