// The admin interface of a daemon in this process, over its socket and over HTTP.
import assert from 'node:assert/strict'
import { existsSync, statSync } from 'node:fs'
import { test } from 'node:test'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { Admin } from '../../src/admin/index.ts'
import type {
  CacheLookup,
  Explanation,
  LogLevelState,
  Purged,
  PurgeRequest,
  Status,
} from '../../src/admin/api.ts'
import { AdminClient } from '../../src/commands/admin-client.ts'
import type { HttpRoutes } from '../../src/lib/http.ts'
import { lookUp } from '../../src/lib/look-up.ts'
import { LinesLog } from '../helpers/lines-log.ts'
import { COREFILE, operate, type Operated, statusOf } from './harness.ts'

const NAME = 'a.cluster.local.'

/** Asks the daemon as its clients do. */
async function ask({ daemon }: Operated, name: string): Promise<void> {
  const block = name.endsWith('example.org.') ? 1 : 0
  const { host, port } = daemon.addresses[block]!
  await lookUp([`${host}:${port}`], name, 5_000).catch(() => {})
}

const ajv = new Ajv2020({ strict: true, allowUnionTypes: true })
ajv.addFormat('date-time', (text) => new Date(text).toISOString() === text)

interface OpenApi {
  readonly openapi: string
  readonly paths: Record<string, Record<string, Operation>>
}

interface Operation {
  readonly operationId: string
  readonly parameters: readonly { readonly name: string }[]
  readonly requestBody?: { readonly content: Content }
  readonly responses: Record<string, { readonly content: Content }>
}

type Content = Record<string, { readonly schema: object }>

function holds(content: Content, value: unknown): void {
  const [{ schema }] = Object.values(content) as [{ schema: object }]
  const check = ajv.compile(schema)
  assert.ok(check(value), `${JSON.stringify(check.errors)}: ${JSON.stringify(value).slice(0, 500)}`)
}

test('the description has every route there is, and what each answers fits it', async (t) => {
  const one = await operate(t)
  await ask(one, NAME)
  await ask(one, 'nx.example.org.')
  const { client } = one
  const { openapi, paths } = await client.get<OpenApi>('/v1/openapi.json')
  assert.equal(openapi, '3.1.0')
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  )
  assert.deepEqual(
    operations.map(({ method, path }) => `${method} ${path}`),
    [
      'get /v1/status',
      'get /v1/cache',
      'get /v1/cache/dump',
      'post /v1/cache/purge',
      'get /v1/log-level',
      'put /v1/log-level',
      'get /v1/explain',
      'get /v1/openapi.json',
    ],
  )
  assert.equal(new Set(operations.map(({ operation }) => operation.operationId)).size, 8)
  const answers: Record<string, unknown> = {
    'get /v1/status': await client.get('/v1/status'),
    'get /v1/cache': await client.get('/v1/cache', { name: NAME }),
    'put /v1/log-level': await client.put('/v1/log-level', { level: 'info' }),
    'get /v1/log-level': await client.get('/v1/log-level'),
    'get /v1/explain': await client.get('/v1/explain', { name: NAME, ask: true }),
    'post /v1/cache/purge': await client.post('/v1/cache/purge', { name: 'x.test' }),
    'get /v1/openapi.json': await client.get('/v1/openapi.json'),
  }
  const dump = await one.raw('GET /v1/cache/dump HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  answers['get /v1/cache/dump'] = JSON.parse(/^\{.*\}$/m.exec(dump)![0])
  for (const { method, operation, path } of operations) {
    holds(operation.responses['200']!.content, answers[`${method} ${path}`])
    holds(operation.responses['400']!.content, { error: 'x' })
  }
  for (const { method, operation, path } of operations) {
    const described = operation.parameters.map(({ name }) => name).toSorted()
    const text = await one.raw(
      `${method.toUpperCase()} ${path}?nonsense=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}`,
    )
    assert.equal(statusOf(text), 400, path)
    for (const name of described) assert.ok(text.includes(name), `${path} takes ${name}`)
  }
  const purge = paths['/v1/cache/purge']!['post']!.requestBody!.content
  holds(purge, { suffix: '.' })
})

test('status tells of configuration, blocks, upstreams and totals', async (t) => {
  const one = await operate(t)
  const { totals: before } = await one.client.get<Status>('/v1/status')
  await ask(one, NAME)
  await ask(one, NAME)
  const status = await one.client.get<Status>('/v1/status')
  assert.equal(status.pid, process.pid)
  assert.equal(status.corefile.path, `${one.folder}/Corefile`)
  assert.equal(status.corefile.isLastGood, false)
  assert.deepEqual(
    status.blocks.map(({ keys }) => keys),
    [['cluster.local.:0'], ['example.org.:0']],
  )
  assert.deepEqual(
    status.listeners.map(({ address }) => address),
    one.daemon.addresses.map(({ host, port }) => `${host}:${port}`),
  )
  const [block] = status.blocks
  assert.equal(block!.cache!.success.entries, 1)
  assert.deepEqual(
    block!.plugins.map(({ name }) => name),
    ['bind', 'prometheus', 'errors', 'rewrite', 'cache', 'forward'],
  )
  const [upstream] = block!.upstreams
  assert.deepEqual(
    [upstream!.address, upstream!.problem, upstream!.answers > 0, upstream!.rttMs! >= 0],
    [`127.0.0.1:${one.upstream.port}`, null, true, true],
  )
  // Each name is asked for A and AAAA: the second time A is a hit.
  assert.ok(status.totals.queries - before.queries >= 4)
  assert.ok(status.totals.hits - before.hits >= 1)
  assert.ok(status.totals.misses - before.misses >= 1)
  assert.ok((status.totals.rcodes['NOERROR'] ?? 0) > 0)
  assert.equal(status.interception.state, 'none')
  assert.ok(
    status.memory.cacheBytes > 0 && status.memory.cacheLimitBytes > status.memory.cacheBytes,
  )
})

test('the cache is looked into, written out and emptied by name, suffix or type', async (t) => {
  const one = await operate(t)
  const { client } = one
  for (const name of [NAME, 'b.cluster.local.', 'c.b.cluster.local.', 'd.example.org.']) {
    await ask(one, name)
  }
  const cached = async (name: string): Promise<CacheLookup['answers']> =>
    (await client.get<CacheLookup>('/v1/cache', { name })).answers
  const [answer] = await cached('A.Cluster.LOCAL')
  assert.deepEqual(answer!.block, ['cluster.local.:0'])
  assert.match(answer!.records[0]!, /^a\.cluster\.local\. \d+ IN A 192\.0\.2\.1$/)
  const purge = async (body: PurgeRequest): Promise<number> =>
    (await client.post<Purged>('/v1/cache/purge', body)).purged
  assert.equal(await purge({ name: NAME, type: 'TXT' }), 0)
  assert.equal(await purge({ name: NAME, type: 'a' }), 1)
  assert.deepEqual(await cached(NAME), [])
  assert.ok((await purge({ suffix: 'b.cluster.local' })) >= 2)
  assert.deepEqual(await cached('c.b.cluster.local'), [])
  assert.equal((await cached('d.example.org')).length, 1)
  assert.ok((await purge({ suffix: '.' })) >= 1)
  const status = await client.get<Status>('/v1/status')
  assert.deepEqual(
    status.blocks.map(({ cache }) => [cache!.success.entries, cache!.denial.entries, cache!.bytes]),
    [
      [0, 0, 0],
      [0, 0, 0],
    ],
  )
  await ask(one, NAME)
  assert.equal((await cached(NAME)).length, 1)
})

test('a question is explained: who serves it, what each plugin does, and whose turn it is', async (t) => {
  const one = await operate(t)
  const explain = (name: string, type = 'A'): Promise<Explanation> =>
    one.client.get<Explanation>('/v1/explain', { name, type })
  const miss = await explain(NAME)
  assert.equal(miss.asked, null)
  // A listener without a block for the name is a path of its own.
  const [path, other] = miss.paths
  assert.deepEqual(other!.block, null)
  assert.deepEqual(path!.block, { keys: ['cluster.local.:0'], zone: 'cluster.local.' })
  const says = (explained: Explanation, plugin: string): readonly string[] =>
    explained.paths.flatMap(({ plugins }) => plugins).find(({ name }) => name === plugin)?.says ??
    []
  assert.deepEqual(says(miss, 'cache'), ['miss: the upstream is asked'])
  assert.deepEqual(
    path!.upstreams.map(({ isNext, why }) => [isNext, why]),
    [[true, 'the only one']],
  )
  assert.deepEqual(one.upstream.asked, [])
  await ask(one, 'new.cluster.local.')
  const hit = await explain('old.cluster.local')
  assert.deepEqual(says(hit, 'rewrite'), ['asks for new.cluster.local. A instead'])
  assert.match(says(hit, 'cache')[0]!, /^hit: NOERROR from memory/)
  assert.deepEqual(
    hit.paths[0]!.cached.map(({ name }) => name),
    ['new.cluster.local.'],
  )
  assert.deepEqual(
    hit.paths[0]!.plugins.filter(({ reached }) => !reached).map(({ name }) => name),
    ['forward'],
  )
  const refused = await explain('x.example.org', 'ANY')
  assert.deepEqual(says(refused, 'acl'), ['block type ANY net *: every client'])
  const nobody = await explain('nobody.test')
  assert.deepEqual(
    nobody.paths.map(({ block }) => block),
    [null],
  )
  assert.equal(nobody.paths[0]!.listeners.length, 2)
})

test('a question that is asked tells its steps, and disturbs nobody', async (t) => {
  const one = await operate(t)
  const asked = async (name: string): Promise<NonNullable<Explanation['asked']>> =>
    (await one.client.get<Explanation>('/v1/explain', { name, ask: true })).asked!
  const miss = await asked('old.cluster.local')
  assert.deepEqual([miss.rcode, miss.plugin], ['NOERROR', 'forward'])
  assert.deepEqual(miss.records, ['old.cluster.local. 30 IN A 192.0.2.1'])
  const upstream = `127.0.0.1:${one.upstream.port}`
  for (const step of [
    /^asked dns:\/\/127\.0\.0\.1:\d+ over UDP, as a client at 127\.0\.0\.1$/,
    /^rewrite: asks for new\.cluster\.local\. A instead$/,
    /^cache: miss: the upstream is asked$/,
    new RegExp(`^forward: asked ${upstream} over udp$`),
    new RegExp(
      `^forward: ${upstream} answered after .* ms: NOERROR, 1 answer record, \\d+ octets$`,
    ),
    /^cache: stored NOERROR for 30 s$/,
    /^answered NOERROR by forward$/,
  ]) {
    assert.ok(
      miss.steps.some(({ what }) => step.test(what)),
      String(step),
    )
  }
  const times = miss.steps.map(({ atMs }) => atMs)
  assert.deepEqual(
    times,
    times.toSorted((a, b) => a - b),
  )
  const hit = await asked('new.cluster.local')
  assert.equal(hit.plugin, 'cache')
  assert.ok(!hit.steps.some(({ what }) => what.startsWith('forward')))
  const nobody = await asked('nobody.test')
  assert.deepEqual([nobody.rcode, nobody.plugin], ['REFUSED', ''])
  // Two at once: the second is told to come back, and the first is answered.
  const both = await Promise.allSettled([asked('one.example.org'), asked('two.example.org')])
  assert.deepEqual(both.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected'])
  const [{ reason }] = both.filter((result) => result.status === 'rejected') as [
    PromiseRejectedResult,
  ]
  assert.match(String(reason), /another question is under way: try again/)
})

test('over HTTP the routes that read are there beside /metrics, and nothing is changed', async (t) => {
  const pages = (status: () => Status): HttpRoutes => ({
    '/': () => ({ status: 200, contentType: 'text/html', body: `<p>page of ${status().pid}` }),
  })
  const one = await operate(t, { overHttp: true, pages })
  const lease = await one.daemon.http.acquire('127.0.0.1:0', {
    '/metrics': () => ({ status: 200, contentType: 'text/plain', body: '# EOF\n' }),
  })
  const probe = await one.daemon.http.acquire('127.0.0.1:0', {})
  t.after(() => Promise.all([lease.release(), probe.release()]))
  const url = `http://${lease.address}`
  const status = (await (await fetch(`${url}/v1/status`)).json()) as Status
  assert.equal(status.pid, process.pid)
  assert.equal(await (await fetch(`${url}/`)).text(), `<p>page of ${process.pid}`)
  assert.equal((await fetch(`http://${probe.address}/v1/status`)).status, 404)
  const code = async (method: string, path: string): Promise<number> =>
    (await fetch(url + path, { method, body: method === 'GET' ? null : '{}' })).status
  assert.equal(await code('POST', '/v1/cache/purge'), 404)
  assert.equal(await code('GET', '/v1/cache/purge'), 404)
  assert.equal(await code('PUT', '/v1/log-level'), 405)
  assert.equal(await code('POST', '/v1/status'), 405)
  assert.equal(await code('DELETE', '/v1/cache'), 405)
  assert.equal(await code('GET', `/v1/explain?name=a.cluster.local&ask=true`), 403)
  assert.deepEqual(one.upstream.asked, [])
  const put = await fetch(`${url}/v1/log-level`, { method: 'PUT', body: '{"level":"error"}' })
  assert.equal(put.headers.get('allow'), 'GET, HEAD')
  assert.equal((await one.client.get<LogLevelState>('/v1/log-level')).level, 'info')
})

test('the log level is changed at once, for as long as the process lives', async (t) => {
  const one = await operate(t)
  const changed = await one.client.put<LogLevelState>('/v1/log-level', { level: 'warning' })
  assert.deepEqual(changed, { level: 'warning', debugInCorefile: false })
  await one.reload(COREFILE.replace('errors\n', 'errors\n  debug\n'))
  assert.deepEqual(await one.client.get('/v1/log-level'), {
    level: 'warning',
    debugInCorefile: true,
  })
  await assert.rejects(
    one.client.put('/v1/log-level', { level: 'loud' }),
    /debug, info, warning or/,
  )
})

test('what others bring is served and described like the rest', async (t) => {
  const one = await operate(t, {
    routes: [
      {
        method: 'GET',
        path: '/v1/fun',
        summary: 'Fun',
        answer: { type: 'object' },
        handle: ({ overHttp }) => ({ overHttp }),
      },
      {
        method: 'GET',
        path: '/v1/broken',
        summary: 'Throws',
        answer: { type: 'object' },
        handle() {
          throw new TypeError('oops')
        },
      },
    ],
  })
  assert.deepEqual(await one.client.get('/v1/fun'), { overHttp: false })
  const { paths } = await one.client.get<OpenApi>('/v1/openapi.json')
  assert.ok(paths['/v1/fun'] !== undefined)
  await assert.rejects(
    one.client.get('/v1/broken'),
    /The daemon refuses: a defect of dnslet: oops$/,
  )
})

test('a successor takes the name over, and its predecessor leaves that alone', async (t) => {
  const one = await operate(t)
  assert.equal(statSync(one.socket).mode & 0o777, 0o600)
  const successor = await Admin.open({
    daemon: one.daemon,
    log: one.log,
    directory: one.folder,
    overHttp: false,
    intercepts: true,
    addresses: ['169.254.20.10'],
    sources: () => ({ sources: { pods: 3 }, secondsSinceLastClientQuery: 1.5 }),
  })
  const asked = await one.client.get<Status>('/v1/status')
  assert.deepEqual(
    [asked.totals.sources, asked.interception.addresses],
    [{ pods: 3 }, ['169.254.20.10']],
  )
  await one.admin.close()
  assert.equal((await one.client.get<Status>('/v1/status')).totals.secondsSinceLastClientQuery, 1.5)
  await successor.close()
  assert.equal(existsSync(one.socket), false)
})

test('where the socket cannot be made, that is said, and nothing else happens', async (t) => {
  const log = new LinesLog()
  const one = await operate(t, { directory: '/proc/dnslet', log })
  assert.match(
    log.lines.join('\n'),
    /^\[WARNING\] Cannot open the admin socket \/proc\/dnslet\/admin\.sock: .*serves on/,
  )
  await assert.rejects(new AdminClient(one.socket).get('/v1/status'), /there is no such socket/)
  await one.admin.close()
})
