import assert from 'node:assert/strict'
import { chmodSync, linkSync, mkdirSync, writeFileSync } from 'node:fs'
import { createServer as createHttp, type RequestListener } from 'node:http'
import { createServer, type Server } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'
import { AdminClient, findDaemon } from '../../src/commands/admin-client.ts'
import { temporaryFolder } from '../helpers/nsd.ts'
import type { Owner } from '../helpers/processes.ts'

async function listen(owner: Owner, server: Server, path: string): Promise<void> {
  await once(server.listen(path), 'listening')
  owner.after(() => void server.close())
}

/** A daemon's state directory with a socket behind which this answers; the socket. */
async function daemonIn(
  owner: Owner,
  root: string,
  digest: string,
  answer: RequestListener = status,
): Promise<string> {
  const directory = join(root, digest)
  mkdirSync(directory, { recursive: true })
  const path = join(directory, 'admin.sock')
  await listen(owner, createHttp(answer), path)
  return path
}

const status: RequestListener = (_request, response) => {
  const listeners = [{ address: '169.254.20.10:53' }, { address: '10.96.0.10:53' }]
  response.end(JSON.stringify({ pid: 42, listeners }))
}

async function refusal(root: string | undefined, socket = ''): Promise<string> {
  const env = root === undefined ? {} : { DNSLET_STATE_DIR: root }
  let message = ''
  await assert.rejects(findDaemon({ socket, env }), (error: Error) => {
    message = error.message
    return error.name === 'DnsletError' && !message.includes('\n')
  })
  return message
}

test('the one that answers is found, past those that have ended and what is no socket', async (t) => {
  const root = temporaryFolder(t)
  const path = await daemonIn(t, root, 'abc')
  mkdirSync(join(root, 'def'))
  writeFileSync(join(root, 'def', 'admin.sock'), '')
  const dead = createServer()
  mkdirSync(join(root, 'ended'))
  await once(dead.listen(join(root, 'ended', 'x')), 'listening')
  const found = await findDaemon({ env: { DNSLET_STATE_DIR: root } })
  assert.equal(found.socket, path)
  dead.close()
})

test("in a root that is everybody's it is found below a user's number", async (t) => {
  const root = temporaryFolder(t)
  const path = await daemonIn(t, root, '65532/abc')
  await daemonIn(t, root, 'other/abc')
  assert.equal((await findDaemon({ env: { DNSLET_STATE_DIR: root } })).socket, path)
})

test('of several it says which there are, and takes the one that is named', async (t) => {
  const root = temporaryFolder(t)
  const [one, two] = [await daemonIn(t, root, 'one'), await daemonIn(t, root, 'two')]
  const each = (path: string): string => `${path} (process 42, 169.254.20.10:53 and 1 more)`
  assert.equal(
    await refusal(root),
    `Several daemons run here, choose one with --socket: ${each(one)}, ${each(two)}`,
  )
  assert.equal((await findDaemon({ socket: two, env: {} })).socket, two)
})

test('none: it says why, and what to do', async (t) => {
  const root = temporaryFolder(t)
  assert.match(
    await refusal(root),
    /^No running dnslet found: \S+ has no admin\.sock; run this where/,
  )
  assert.match(
    await refusal(join(root, 'absent')),
    /^No running dnslet found: ENOENT.*; run this where/,
  )
  assert.match(await refusal(''), /^No running dnslet found: DNSLET_STATE_DIR is empty/)
  assert.match(
    await refusal(root, join(root, 'no.sock')),
    /there is no such socket: is the daemon running\?$/,
  )
  const file = join(root, 'file')
  writeFileSync(file, '')
  assert.match(await refusal(root, file), /Cannot ask the daemon at \S+: that is no socket$/)
  // A socket whose process has been killed.
  const { execFileSync } = await import('node:child_process')
  const path = join(root, 'killed', 'admin.sock')
  mkdirSync(join(root, 'killed'))
  const code = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 9))`
  assert.throws(() => execFileSync(process.execPath, ['-e', code]))
  assert.match(
    await refusal(root),
    /nobody listens there: the daemon that made it has ended; run this/,
  )
  chmodSync(root, 0o700)
})

test('of many that do not answer it names few, those that may be alive first', async (t) => {
  const root = temporaryFolder(t)
  // Links to one socket whose listener has gone.
  const left = join(root, 'ended')
  const server = createServer()
  await once(server.listen(left), 'listening')
  for (let i = 0; i < 5; i++) {
    mkdirSync(join(root, `${i}`))
    linkSync(left, join(root, `${i}`, 'admin.sock'))
  }
  server.close()
  await once(server, 'close')
  await daemonIn(t, root, 'odd', (_request, response) => void response.end('odd'))
  const said = await refusal(root)
  assert.match(
    said,
    /^No running dnslet found: Cannot ask the daemon at \S+odd\/admin\.sock: it answers/,
  )
  assert.match(said, /; and 3 more without an answer; run this where/)
  assert.equal(said.split('nobody listens there').length, 3)
})

test('bad answers are errors in a line: a refusal, no JSON, a hang-up, silence', async (t) => {
  const root = temporaryFolder(t)
  const answers: Record<string, RequestListener> = {
    '/refused': (_q, response) => {
      response.statusCode = 400
      response.end('{"error":"no \\u001b[31m such name"}')
    },
    '/odd': (_q, response) => {
      response.statusCode = 500
      response.end('{}')
    },
    '/html': (_q, response) => void response.end('<html>'),
    '/cut': (request) => void request.socket.destroy(),
    '/half': (request, response) => {
      response.write('{')
      setImmediate(() => request.socket.destroy())
    },
    '/silent': () => {},
    '/echo': (request, response) => {
      request.setEncoding('utf8').on('data', (body: string) => {
        response.end(JSON.stringify({ url: request.url, method: request.method, body }))
      })
    },
    '/query?name=a+b&ask=true': (request, response) =>
      void response.end(JSON.stringify(request.url)),
  }
  const path = await daemonIn(t, root, 'x', (request, response) =>
    answers[request.url!]!(request, response),
  )
  const client = new AdminClient(path)
  const said = async (route: string): Promise<string> => {
    let message = ''
    await assert.rejects(client.get(route, {}, 200), (error: Error) => {
      ;({ message } = error)
      return error.name === 'DnsletError'
    })
    return message
  }
  assert.equal(await said('/refused'), 'The daemon refuses: no \\x1b[31m such name')
  assert.equal(await said('/odd'), 'The daemon refuses: HTTP 500')
  assert.match(await said('/html'), /: it answers \/html with what is no JSON \(HTTP 200\)$/)
  assert.match(await said('/cut'), /: it hangs up: only root and the daemon's own user may ask/)
  assert.match(await said('/half'), /^Cannot ask the daemon at /)
  assert.match(await said('/silent'), /: it says nothing for 0\.2 s$/)
  assert.deepEqual(await client.post('/echo', { a: 1 }), {
    url: '/echo',
    method: 'POST',
    body: '{"a":1}',
  })
  assert.equal(await client.get('/query', { name: 'a b', ask: true }), '/query?name=a+b&ask=true')
})
