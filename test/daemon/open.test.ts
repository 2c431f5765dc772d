import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { openDaemon } from '../../src/daemon/open.ts'
import { knownDirectives } from '../../src/plugins/index.ts'
import { CorefileSource } from '../../src/source/corefile-source.ts'
import { libc } from '../../src/sys/libc.ts'
import { findTool } from '../helpers/debian.ts'
import { temporaryFolder } from '../helpers/nsd.ts'
import { nullLog } from '../helpers/null-log.ts'
import { freePort } from '../helpers/ports.ts'
import { type Running, startProcess, waitUntil } from '../helpers/processes.ts'

function reasonToSkip(): string | false {
  if (process.getuid?.() !== 0) return 'needs root'
  const missing = ['ip', 'nsenter', 'unshare'].filter((tool) => findTool(tool) === null)
  if (missing.length > 0) return `needs ${missing.join(', ')}`
  return libc().libc === null && libc().reason
}

interface Node {
  readonly daemon: Running
  /** Waits until the daemon has printed this line. */
  readonly says: (line: RegExp) => Promise<void>
  readonly ip: (...args: string[]) => void
}

/** Starts a daemon for 169.254.20.10 in a namespace without that address; it ends with the test. */
async function startNode(t: TestContext, forward: string): Promise<Node> {
  const corefile = join(temporaryFolder(t), 'Corefile')
  writeFileSync(
    corefile,
    `.:53 {
 bind 169.254.20.10
 loop
 health 169.254.20.10:8080
 forward . ${forward} {
  prefer_udp
 }
}
`,
  )
  const script = new URL('free-bind-daemon.ts', import.meta.url).pathname
  const daemon = startProcess(t, 'unshare', [
    '--net',
    'sh',
    '-c',
    'ip link set lo up && exec "$@"',
    'sh',
    process.execPath,
    script,
    corefile,
    'http://169.254.20.10:8080/health',
  ])
  const says = (line: RegExp): Promise<void> =>
    waitUntil(String(line), () => line.test(daemon.output()), daemon)
  const ip = (...args: string[]): void => {
    execFileSync(findTool('nsenter')!, ['--target', String(daemon.pid), '--net', 'ip', ...args])
  }
  await says(/^check: /m)
  return { daemon, says, ip }
}

describe('a daemon on an address that comes later', { skip: reasonToSkip() }, () => {
  test('starts, answers itself, and finds nothing wrong; then serves, DNS and HTTP', async (t) => {
    const { daemon, says, ip } = await startNode(t, '127.0.0.1:5301')
    await says(/^health: none$/m)
    assert.match(daemon.output(), /^query: null$/m)
    assert.match(daemon.output(), /^check: null$/m)
    ip('addr', 'add', '169.254.20.10/32', 'dev', 'lo')
    await says(/^health: 200$/m)
    assert.doesNotMatch(daemon.output(), /fatal|check: dns/)
  })

  test('finds a loop once the address is there through which it leads', async (t) => {
    const { daemon, says, ip } = await startNode(t, '169.254.20.10')
    assert.match(
      daemon.output(),
      /^query: dns:\/\/169\.254\.20\.10:53 answers SERVFAIL for a\.test/m,
    )
    assert.doesNotMatch(daemon.output(), /fatal/)
    ip('addr', 'add', '169.254.20.10/32', 'dev', 'lo')
    await says(
      /^fatal: plugin\/loop: Loop \(169\.254\.20\.10:\d+ -> 169\.254\.20\.10:53\) detected/m,
    )
  })
})

test('a second daemon of a process serves, and the metrics are its own', async (t) => {
  const page = join(temporaryFolder(t), 'Corefile')
  const port = await freePort()
  writeFileSync(page, `.:0 {\n bind 127.0.0.1\n prometheus 127.0.0.1:${port}\n any\n}\n`)
  const sockets = async (): Promise<string | undefined> => {
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
    return /^dnslet_udp_sockets (\d+)$/m.exec(text)?.[1]
  }
  for (let i = 0; i < 2; i++) {
    const source = new CorefileSource(page, {
      directives: knownDirectives,
      env: {},
      warn: assert.fail,
    })
    const daemon = await openDaemon({ source, port: 0, log: nullLog, fatal: assert.fail })
    t.after(() => daemon.stop())
    assert.equal(await daemon.selfCheck(), null)
    assert.equal(await sockets(), '1')
    await daemon.stop()
  }
})
