// Pipes, devices, sockets and directories where a Corefile or a flag names a file: nobody waits for them, and
// what is wrong is said.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'

import { bin } from '../helpers/dnslet.ts'
import { temporaryFolder } from '../helpers/nsd.ts'
import { freePort } from '../helpers/ports.ts'
import { answers } from '../helpers/probe.ts'
import { type Owner, type Running, startProcess, waitUntil } from '../helpers/processes.ts'

/** Who waits for a pipe waits longer. */
const PATIENCE_S = 20

/** Makes what is no file at a path that is free, or says what there is already. */
const kinds: Readonly<Record<string, (owner: Owner, path: string) => Promise<string> | string>> = {
  'a pipe': (_, path) => {
    execFileSync('mkfifo', [path])
    return path
  },
  'a socket': async (owner, path) => {
    const server = createServer().listen(path)
    await once(server, 'listening')
    owner.after(() => void server.close())
    return path
  },
  'a directory': (_, path) => {
    mkdirSync(path)
    return path
  },
  'a device without end': () => '/dev/zero',
  'a device that waits': () => '/dev/tty',
}

interface Ended {
  readonly text: string
  readonly code: unknown
}

/** What the daemon says until it ends, which it has to. */
async function run(t: TestContext, args: readonly string[]): Promise<Ended> {
  const running = startProcess(t, bin, args, { ...process.env, DNSLET_STATE_DIR: '' })
  await waitUntil('its end', () => running.ended() !== null, undefined, PATIENCE_S)
  return { text: running.output(), code: running.ended() }
}

const NO_FILE = /is not a regular file|is a directory|no such device or address/

for (const [kind, make] of Object.entries(kinds)) {
  for (const [where, corefileOf] of [
    ['an import', (path: string) => `. {\n  import ${path}\n  forward . 127.0.0.1:9\n}\n`],
    ['a resolv.conf', (path: string) => `. {\n  forward . ${path}\n}\n`],
    ['a Corefile', null],
  ] as const) {
    test(`${kind} as ${where}: exit code 1, and it is named`, async (t) => {
      const folder = temporaryFolder(t)
      const odd = await make(t, join(folder, 'odd'))
      const file = corefileOf === null ? odd : join(folder, 'Corefile')
      if (corefileOf !== null) writeFileSync(file, corefileOf(odd))
      for (const args of [
        ['check', file],
        ['-conf', file],
      ]) {
        const { text, code } = await run(t, args)
        assert.equal(code, 1, text)
        assert.ok(text.includes(odd), text)
        assert.match(text, NO_FILE)
      }
    })
  }
}

interface Place {
  readonly folder: string
  readonly port: number
  readonly args: readonly string[]
  readonly state: string
}

/** Files of a daemon that makes its Corefile from a template, and the flags that name them. */
async function place(t: TestContext): Promise<Place> {
  const folder = temporaryFolder(t)
  const port = await freePort()
  const file = (name: string): string => join(folder, name)
  writeFileSync(file('base'), `.:${port} {\n  bind 127.0.0.1\n  forward . 127.0.0.1:9\n}\n`)
  mkdirSync(file('kube-dns'))
  const args = [
    `-localip 127.0.0.1 -conf ${file('Corefile')} -basecorefile ${file('base')}`,
    `-kubednscm ${file('kube-dns')} -pidfile ${file('pid')} -dns.port ${port}`,
    '-metrics-listen-address 127.0.0.1:0 -log-format text',
    '-setupinterface=false -setupiptables=false',
  ].flatMap((line) => line.split(' '))
  return { folder, port, args, state: file('state') }
}

function start(t: TestContext, { args, state }: Place): Running {
  return startProcess(t, bin, args, { ...process.env, DNSLET_STATE_DIR: state })
}

async function serves(t: TestContext, at: Place): Promise<Running> {
  const daemon = start(t, at)
  const does = (): Promise<boolean> => answers('127.0.0.1', at.port, 'ready.test')
  await waitUntil('dnslet', does, daemon, PATIENCE_S)
  // It answers before its start is over.
  const pidfile = at.args[at.args.indexOf('-pidfile') + 1]!
  await waitUntil('the pid file', () => existsSync(pidfile), daemon, PATIENCE_S)
  return daemon
}

async function endsWell(daemon: Running): Promise<void> {
  process.kill(daemon.pid, 'SIGTERM')
  await waitUntil('its end', () => daemon.ended() !== null, undefined, PATIENCE_S)
  assert.equal(daemon.ended(), 0, daemon.output())
}

describe('a daemon serves on, and ends, in spite of', () => {
  for (const [kind, make] of Object.entries(kinds)) {
    if (kind.startsWith('a device')) continue
    test(`${kind} in place of a key of kube-dns's ConfigMap`, async (t) => {
      const at = await place(t)
      const odd = await make(t, join(at.folder, 'kube-dns/stubDomains'))
      const daemon = await serves(t, at)
      assert.match(daemon.output(), new RegExp(`Invalid config: ${odd}: .*is (?:not a|a dir)`))
      await endsWell(daemon)
    })

    test(`${kind} in place of kube-dns's ConfigMap, and of its own Corefile`, async (t) => {
      const at = await place(t)
      rmSync(join(at.folder, 'kube-dns'), { recursive: true })
      await make(t, join(at.folder, 'kube-dns'))
      const odd = await make(t, join(at.folder, 'Corefile'))
      const before = statSync(odd).ino
      const daemon = await serves(t, at)
      assert.equal(statSync(odd).ino, before, 'it is left alone')
      await endsWell(daemon)
    })

    test(`${kind} in place of the last good Corefile`, async (t) => {
      const at = await place(t)
      await endsWell(await serves(t, at))
      const [kept = ''] = readdirSync(at.state, { recursive: true, encoding: 'utf8' }).filter(
        (name) => /last-good/.test(name),
      )
      assert.notEqual(kept, '')
      rmSync(join(at.state, kept))
      const odd = await make(t, join(at.state, kept))
      writeFileSync(join(at.folder, 'base'), '. {\n  no-such-directive\n}\n')
      const daemon = start(t, at)
      await waitUntil('its end', () => daemon.ended() !== null, undefined, PATIENCE_S)
      assert.equal(daemon.ended(), 1, daemon.output())
      assert.ok(daemon.output().includes(`${odd}: is not a regular file`), daemon.output())
    })
  }

  test('a pipe as pid file: it says so and serves; one that comes later is left alone', async (t) => {
    const at = await place(t)
    const pid = join(at.folder, 'pid')
    execFileSync('mkfifo', [pid])
    const without = await serves(t, at)
    assert.match(without.output(), new RegExp(`Cannot write the pid file ${pid}: is a pipe`))
    await endsWell(without)
    assert.ok(existsSync(pid))
    rmSync(pid)
    const daemon = await serves(t, at)
    rmSync(pid)
    execFileSync('mkfifo', [pid])
    await endsWell(daemon)
    assert.ok(existsSync(pid))
  })

  test('a device as pid file', async (t) => {
    const at = await place(t)
    const args = at.args.map((word) => (word === join(at.folder, 'pid') ? '/dev/null' : word))
    await endsWell(await serves(t, { ...at, args }))
    assert.ok(statSync('/dev/null').isCharacterDevice())
  })
})
