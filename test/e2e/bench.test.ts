// The built program: exit status, an early end, threads for getaddrinfo.
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { bin } from '../helpers/dnslet.ts'
import { type Owner, type Running, startProcess, waitUntil } from '../helpers/processes.ts'
import { address, ScriptedServer } from '../load/scripted-server.ts'

function start(owner: Owner, ...argv: readonly string[]): Running {
  return startProcess(owner, bin, ['bench', ...argv])
}

async function ended(running: Running): Promise<number | string | null> {
  await waitUntil('bench to end', () => running.ended() !== null)
  return running.ended()
}

describe('bin/dnslet bench', () => {
  test('reports and says by its exit status how it went', async (t) => {
    const { endpoint } = await ScriptedServer.open(t, ({ query }) => [address(query)])
    const server = `${endpoint.host}:${endpoint.port}`
    const good = start(t, '-host', 'a.', '-server', server, '-d', '0.2', '-c', '3')
    const refused = start(t, '-host', 'a.', '-server', '127.0.0.1:1', '-d', '0.2', '-c', '3')
    const wrong = start(t, '-host', 'a.', '-server', server, '-d', '0')
    assert.deepEqual(await Promise.all([good, refused, wrong].map(ended)), [0, 1, 2])
    assert.match(good.output(), /^a\. \(A, AAAA\), 3 at a time[^]*\n {2}requests +\d/)
    assert.match(refused.output(), /errors +[\d,]+ \(100 %\): refused/)
    assert.equal(
      wrong.output(),
      'dnslet bench: "0" is no value for -d: the least is 0.1 s\nRun "dnslet bench -h" for its flags.\n',
    )
  })

  test('SIGINT ends it with the report so far', async (t) => {
    const server = await ScriptedServer.open(t, ({ query }) => [address(query)])
    const { host, port } = server.endpoint
    const running = start(t, '-host', 'a.', '-server', `${host}:${port}`, '-d', '1h', '-c', '3')
    await waitUntil('look-ups', () => server.seen.length > 10, running)
    // The shell in front of it has become the program.
    process.kill(running.pid, 'SIGINT')
    assert.equal(await ended(running), 0)
    assert.match(running.output(), /limit 5\.00 s \(ended early\)/)
    assert.match(running.output(), /requests +[1-9]/)
  })

  const file = '/etc/resolv.conf'
  const hasServers = existsSync(file) && /^nameserver /m.test(readFileSync(file, 'utf8'))
  const skip = !hasServers && 'needs a resolv.conf with a server'
  test('getaddrinfo has as many threads as there are look-ups', { skip }, async (t) => {
    const argv = ['-host', 'localhost', '-client', 'system', '-d', '0.2', '-json']
    const running = start(t, ...argv, '-c', '100')
    assert.equal(await ended(running), 0, running.output())
    const none = start(t, ...argv, '-c', '1000')
    assert.equal(await ended(none), 2)
    assert.match(none.output(), /at most -c 512 fits/)
  })
})
