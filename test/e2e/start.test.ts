// What the daemon says and does when it cannot start, and how it ends.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { getPriority } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { handoverSocket } from '../../src/host/handover/protocol.ts'
import { requireTools } from '../helpers/debian.ts'
import { dig } from '../helpers/dig.ts'
import { startDnslet } from '../helpers/dnslet.ts'
import { startNsd, temporaryFolder } from '../helpers/nsd.ts'
import { freePort } from '../helpers/ports.ts'
import { type Owner, waitUntil } from '../helpers/processes.ts'
import { stateFolderOf } from '../helpers/state.ts'

/** Starts a daemon that has to refuse: its exit code and all it said. */
async function refusal(
  owner: Owner,
  corefile: string,
  args: readonly string[] = [],
): Promise<{ code: unknown; output: string }> {
  const { process, corefile: path } = await startDnslet(owner, corefile, { args })
  const ended = (): boolean => process.ended() !== null
  await waitUntil('the end of dnslet', ended)
  return { code: process.ended(), output: process.output().replaceAll(path, 'Corefile').trimEnd() }
}

describe('refusals are one line, exit code 1', () => {
  const cases: readonly (readonly [title: string, corefile: string, line: RegExp | string])[] = [
    [
      'a misspelt directive names the nearest one',
      '.:1053 {\n  forwrad . 127.0.0.1\n}\n',
      /^Corefile:2 - Error during parsing: Unknown directive 'forwrad'.*forward/,
    ],
    [
      'a directive of CoreDNS that is not in dnslet',
      '.:1053 {\n  kubernetes\n}\n',
      "Corefile:2 - no action found for directive 'kubernetes' with server type 'dns' (missing a plugin?)",
    ],
    [
      'a bad value',
      '.:1053 {\n  cache 0\n}\n',
      'Corefile:2 - plugin/cache: cache TTL can not be zero or negative: 0',
    ],
    [
      'a certificate that is not there',
      '.:1053 {\n  forward . tls://127.0.0.1 {\n    tls /nowhere/cert /nowhere/key\n  }\n}\n',
      /^Corefile:3 - plugin\/forward: could not load TLS cert: open \/nowhere\/cert: no such file/,
    ],
    [
      'the same zone twice',
      '.:1053 {\n  cache\n}\n.:1053 {\n  cache\n}\n',
      'Corefile:4 - cannot serve dns://.:1053 - it is already defined',
    ],
    [
      'a Corefile without a block',
      '# nothing\n',
      /^Cannot serve from Corefile: it has no server block/,
    ],
    [
      'an address that is not here',
      '.:1053 {\n  bind 192.0.2.7\n  cache\n}\n',
      /192\.0\.2\.7:1053.*(?:cannot assign|not on this)/i,
    ],
    [
      'an empty resolv.conf',
      '.:1053 {\n  forward . /dev/null\n}\n',
      /^Corefile:2 - plugin\/forward: .*\/dev\/null/,
    ],
  ]
  for (const [title, corefile, line] of cases) {
    test(title, async (t) => {
      const { code, output } = await refusal(t, corefile)
      assert.equal(code, 1, output)
      assert.equal(output.split('\n').length, 1, output)
      if (typeof line === 'string') assert.equal(output, line)
      else assert.match(output, line)
    })
  }

  test('an interface without addresses to put on it', async (t) => {
    const { code, output } = await refusal(t, '.:1053 {\n cache\n}\n', ['-setupinterface=true'])
    assert.equal(code, 1)
    assert.match(output, /-setupinterface=true needs -localip, the addresses to set up/)
  })

  test('a Corefile that is not there', async (t) => {
    const { code, output } = await refusal(t, '', ['-conf', '/nowhere/Corefile'])
    assert.equal(code, 1)
    assert.match(output, /open \/nowhere\/Corefile: no such file or directory/)
  })

  test(
    'a Corefile that may not be read',
    { skip: process.getuid?.() === 0 && 'root reads all' },
    async (t) => {
      const folder = temporaryFolder(t)
      const file = join(folder, 'Corefile')
      writeFileSync(file, '')
      chmodSync(file, 0)
      assert.match((await refusal(t, '', ['-conf', file])).output, /permission denied/)
    },
  )

  test('an address in use: who holds it is for `ss` to say', async (t) => {
    const holder = createServer().listen(0, '127.0.0.1')
    await once(holder, 'listening')
    t.after(() => void holder.close())
    const { port } = holder.address() as { port: number }
    const { code, output } = await refusal(t, `.:${port} {\n bind 127.0.0.1\n cache\n}\n`)
    assert.equal(code, 1)
    assert.match(output, new RegExp(`listen tcp 127.0.0.1:${port}: bind: address already in use`))
  })

  test('an unknown flag: usage, exit code 2', async (t) => {
    const { code, output } = await refusal(t, '', ['-localip-address', 'x'])
    assert.equal(code, 2)
    assert.match(output, /^flag provided but not defined: -localip-address/)
  })
})

describe('signals', { skip: requireTools('nsd', 'dig') }, () => {
  const zone =
    '@ 60 IN SOA ns hostmaster 1 7200 1800 86400 5\n@ 60 IN NS ns\nns 60 IN A 192.0.2.53\n'

  test('SIGTERM: lameduck still answers, then exit code 0 without a pid file', async (t) => {
    const nsd = await startNsd(t, { 'test.': zone })
    const port = await freePort()
    const health = await freePort()
    const pidfile = join(temporaryFolder(t), 'pid')
    const at = { address: '127.0.0.1', port }
    const { process: daemon } = await startDnslet(
      t,
      `.:${port} {
  bind 127.0.0.1
  health 127.0.0.1:${health} {
    lameduck 1s
  }
  forward . 127.0.0.1:${nsd.port}
}
`,
      { ready: { ...at, name: 'ns.test' }, args: ['-pidfile', pidfile] },
    )
    // It answers some milliseconds before its start is over, and the file comes last.
    await waitUntil('the pid file', () => existsSync(pidfile), daemon)
    const pid = Number(readFileSync(pidfile, 'utf8'))
    assert.ok(pid > 0)
    process.kill(pid, 'SIGTERM')
    const shuttingDown = (): boolean => daemon.output().includes('SIGTERM: Shutting down')
    await waitUntil('the word of SIGTERM', shuttingDown, daemon)
    assert.equal((await dig(at, 'ns.test')).answer[0]?.data, '192.0.2.53')
    await waitUntil('the end of dnslet', () => daemon.ended() !== null)
    assert.equal(daemon.ended(), 0)
    assert.equal(existsSync(pidfile), false)
  })

  test('SIGTERM while it starts ends it at once, as process 1 of a container too', async (t) => {
    const state = temporaryFolder(t)
    chmodSync(state, 0o700)
    const asked: Socket[] = []
    // A predecessor that says nothing for three seconds.
    const silent = createServer((socket) => asked.push(socket.on('error', () => {})))
    const conf = join(temporaryFolder(t), 'Corefile')
    const args = ['-conf', conf, '-metrics-listen-address', '127.0.0.1:0']
    const place = handoverSocket(stateFolderOf(state, args))
    await once(silent.listen(place), 'listening')
    t.after(() => {
      silent.close()
      for (const socket of asked) socket.destroy()
    })
    const { process: daemon } = await startDnslet(t, '.:0 {\n  bind 127.0.0.1\n  cache\n}\n', {
      env: { DNSLET_STATE_DIR: state },
      conf,
    })
    await waitUntil('its question', () => asked.length > 0, daemon)
    process.kill(daemon.pid, 'SIGTERM')
    await waitUntil('the end of dnslet', () => daemon.ended() !== null, undefined, 2)
    // 128 + 15: a handler's. Process 1 would not have died of the signal itself.
    assert.equal(daemon.ended(), 143)
  })

  test('signals that node-cache ignores are ignored, SIGINT ends at once', async (t) => {
    const port = await freePort()
    const at = { address: '127.0.0.1', port }
    const { process: daemon } = await startDnslet(
      t,
      `.:${port} {\n  bind 127.0.0.1\n  forward . 127.0.0.1:9\n}\n`,
      { ready: at },
    )
    for (const signal of [
      'SIGHUP',
      'SIGIO',
      'SIGPROF',
      'SIGPWR',
      'SIGALRM',
      'SIGVTALRM',
      'SIGXCPU',
    ] as const) {
      process.kill(daemon.pid, signal)
    }
    // Those of real time: Node.js knows no names for them.
    for (const number of [35, 50, 64]) execFileSync('kill', [`-${number}`, String(daemon.pid)])
    assert.notEqual((await dig(at, 'x.test', '+opcode=STATUS')).status, 'NO ANSWER')
    process.kill(daemon.pid, 'SIGINT')
    await waitUntil('the end of dnslet', () => daemon.ended() !== null)
    assert.equal(daemon.ended(), 0)
  })
})

test('V8 compiles on one thread, which gives way to the one that serves', async (t) => {
  const port = await freePort()
  const { process: daemon } = await startDnslet(t, `.:${port} {\n  bind 127.0.0.1\n  cache\n}\n`, {
    ready: { address: '127.0.0.1', port },
  })
  const folder = `/proc/${daemon.pid}/task`
  const threads = readdirSync(folder).map((thread) => ({
    name: readFileSync(join(folder, thread, 'comm'), 'utf8').trimEnd(),
    priority: getPriority(Number(thread)),
  }))
  const [main] = threads.filter(({ name }) => name === 'MainThread')
  const nicer = threads.filter(({ priority }) => priority > main!.priority)
  assert.deepEqual(
    nicer.map(({ name }) => name),
    ['V8Worker'],
    JSON.stringify(threads),
  )
})
