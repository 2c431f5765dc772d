import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { check, renderCheck } from '../../src/commands/check.ts'
import { temporaryFolder } from '../helpers/nsd.ts'

test('renderCheck() shows zones, listeners and plugins with all their lines', async () => {
  const text = renderCheck([
    {
      keys: [
        { scheme: 'dns', zone: 'cluster.local.', port: 5300 },
        { scheme: 'dns', zone: 'in-addr.arpa.', port: 5300 },
      ],
      addresses: ['169.254.20.10', 'fd00::a'],
      context: { view: 'inside' },
      stages: [
        { name: 'errors', stage: {} },
        { name: 'cache', stage: { describe: () => ['success 10', 'denial 20'] } },
        { name: 'forward', stage: { describe: () => ['to 10.96.0.11:53'] } },
      ],
    },
    {
      keys: [{ scheme: 'dns', zone: '.', port: 53 }],
      addresses: [''],
      context: { view: '' },
      stages: [],
    },
  ])
  assert.equal(
    text,
    `cluster.local.:5300 in-addr.arpa.:5300, view inside
  listens on 169.254.20.10:5300 [fd00::a]:5300
    errors
    cache    success 10
             denial 20
    forward  to 10.96.0.11:53

.:53
  listens on :53`,
  )
})

test('check() compiles the Corefile and shows plugins in chain order, with the default port', async (t) => {
  const path = join(temporaryFolder(t), 'Corefile')
  writeFileSync(path, 'a.test {\n  cache 30\n  reload 10s 0\n  bind 127.0.0.1\n  loop\n}\n')
  const text = await check(path, 1053)
  assert.equal(text.startsWith(`${path} is valid: 1 server block\n\na.test.:1053\n`), true)
  const names = [...text.matchAll(/^ {4}(\w+)/gm)].map(([, name]) => name)
  assert.deepEqual(new Set(names), new Set(['reload', 'bind', 'loop', 'cache']))
  assert.deepEqual(names.slice(0, 2), ['reload', 'bind'])
  assert.match(text, /^ {2}listens on 127\.0\.0\.1:1053$/m)
  assert.match(text, /^ {4}reload +looks every 10s ± 0s$/m)
  assert.match(text, /^ {4}cache +zones a\.test\.\n +success /m)
})

test('a base file is checked with what stands for its placeholders', async (t) => {
  const path = join(temporaryFolder(t), 'Corefile.base')
  const base = '.:1053 {\n  bind __PILLAR__LOCAL__DNS__\n  forward . __PILLAR__CLUSTER__DNS__ {\n'
  writeFileSync(path, `${base}    force_tcp\n  }\n}\n`)
  const text = await check(path, 53, { name: 'dns0', addresses: ['127.0.0.1'] })
  assert.match(text, /is valid: 1 server block$/m)
  assert.match(text, /^ {2}listens on 127\.0\.0\.1:1053$/m)
  assert.match(
    text,
    /^It is a template, .*: 127\.0\.0\.1:9 stands for the address of -upstreamsvc/m,
  )
  writeFileSync(path, `${base}    no_such\n  }\n}\n`)
  await assert.rejects(check(path, 53), ({ message }: Error) => {
    assert.match(message, /^[^\n]*:4 [^\n]*no_such[^\n]*$/, 'one mistake, at its line')
    return true
  })
})

test('a block that nobody can ask goes with others, and not alone', async (t) => {
  const path = join(temporaryFolder(t), 'Corefile')
  const deaf = 'a.test:1053 {\n  bind lo {\n    except lo\n  }\n}\n'
  writeFileSync(path, deaf)
  await assert.rejects(check(path, 53), {
    message: `${path}:1 - no server block has an address to listen on: see their \`bind\``,
  })
  writeFileSync(path, `${deaf}b.test:1053 {\n  bind 127.0.0.1\n  any\n  any\n  cancel {\n  }\n}\n`)
  assert.match(await check(path, 53), /^a\.test\.:1053\n {2}listens nowhere$/m)
})

test('check() refuses what serve would refuse', async (t) => {
  const path = join(temporaryFolder(t), 'Corefile')
  const refused = async (text: string, message: string): Promise<void> => {
    writeFileSync(path, text)
    await assert.rejects(() => check(path, 53), { message })
  }
  await refused(
    '. {\n  reload 1s\n}\n',
    `${path}:2 - plugin/reload: interval value must be greater or equal to 2s`,
  )
  await refused(
    '. {\n  bind 127.0.0.1\n}\n. {\n  bind 127.0.0.1\n}\n',
    `${path}:4 - cannot serve dns://.:53 on 127.0.0.1 - it is already defined`,
  )
})

/** The lines that check() refuses a Corefile with, the path left out. */
async function mistakes(t: TestContext, text: string): Promise<readonly string[]> {
  const path = join(temporaryFolder(t), 'Corefile')
  writeFileSync(path, text)
  try {
    await check(path, 53)
  } catch (error) {
    return (error as Error).message.replaceAll(path, 'Corefile').split('\n')
  }
  return []
}

test('check() lists every mistake at once, in the order of the file', async (t) => {
  const text = `
a.test:53 {
  forwrad . 10.0.0.1
  cache 0 {
    success x
    serve_stale_policy prefer_positive
    bogus
  }
  kubernetes cluster.local
  forward . 10.0.0.256 quic://10.0.0.1 {
    expire -1s
    nonsense 5
  }
  reload 1s
}
b..c {
  errors
}
d.test {
  log {
    class sometimes
  }
  log {
    class never
  }
  health :x {
    lameduck soon
  }
  prometheus 10.0.0.1
}
d.test {
  errors
}
e.test {
  errors
}
e.test {
  errors
}
`
  const found = await mistakes(t, text)
  const lines = found.map((line) => Number(/Corefile:(\d+)/.exec(line)?.[1]))
  assert.deepEqual(lines, [3, 4, 5, 7, 9, 10, 10, 11, 12, 14, 16, 21, 24, 26, 27, 29, 37])
  assert.equal(found.length, lines.length)
  assert.match(found[0] ?? '', /Unknown directive 'forwrad' \(did you mean 'forward'\?\)/)
  assert.match(found.at(-1) ?? '', /cannot serve dns:\/\/e\.test\.:53 - it is already defined/)
})

test('check() says which HTTP addresses more than the node can reach', async (t) => {
  const path = join(temporaryFolder(t), 'Corefile')
  const last = async (text: string, addresses: readonly string[] = []): Promise<string> => {
    writeFileSync(path, text)
    return (await check(path, 53, { name: 'dns0', addresses })).split('\n').at(-1) ?? ''
  }
  const block = '. {\n  health\n  ready 10.0.0.9:8181\n  prometheus :8080\n}\n'
  const line = 'HTTP that more than this node can reach: '
  assert.equal(await last(block), `${line}10.0.0.9:8181 (ready) :8080 (health, prometheus)`)
  assert.equal(await last(block, ['10.0.0.9']), `${line}:8080 (health, prometheus)`)
  const narrow = '. {\n  health 127.0.0.1:1\n  ready [fe80::1]:1\n  prometheus 169.254.20.10:1\n}\n'
  assert.doesNotMatch(await last(narrow), /HTTP/)
})

test('check() prints the options of cache that apply, written or not', async (t) => {
  const path = join(temporaryFolder(t), 'Corefile')
  const lines = async (body: string): Promise<readonly string[]> => {
    writeFileSync(path, `. {\n  cache ${body}\n}\n`)
    const text = await check(path, 53)
    return text.split('\n').flatMap((line) => /^ {4}(?:cache)? +(.*)/.exec(line)?.[1] ?? [])
  }
  assert.deepEqual(
    await lines('{\n success 100 60 5\n prefetch 3 2m 20%\n servfail 0s\n keepttl\n }'),
    [
      'zones .',
      'success 1024 entries, TTL 5s to 60s',
      'denial 10000 entries, TTL 0s to 1800s',
      'servfail 0s',
      'prefetch 3 2m0s 20%',
      'serve_stale up to 1h0m0s after expiry, after a failure of the upstream or no answer in 1.8s, ' +
        'TTL 30s; after a failed refresh tried again every 30s',
      'keepttl',
    ],
  )
  const verify = 'serve_stale 2h verify 500ms 10s 5s\n serve_stale_policy prefer_positive'
  assert.deepEqual((await lines(`30 {\n ${verify}\n disable denial a.test\n }`)).slice(4), [
    'prefetch off',
    'serve_stale up to 2h0m0s after expiry, after a failure of the upstream or no answer in 500ms, ' +
      'TTL 10s; after a failed refresh tried again every 5s',
    'serve_stale_policy prefer_positive',
    'disable denial a.test.',
  ])
  assert.deepEqual((await lines('{\n serve_stale\n }')).slice(5), [
    'serve_stale up to 1h0m0s after expiry, at once, TTL 0s; after a failed refresh tried again each time',
  ])
})

test('check() shows views, and refuses one zone twice without', async (t) => {
  const path = join(temporaryFolder(t), 'Corefile')
  const said = t.mock.method(process.stderr, 'write', () => true)
  const inside = '. {\n  view inside {\n    expr do()\n  }\n  errors\n}\n'
  const rest = '. {\n  errors\n}\n'
  writeFileSync(path, inside + inside.replace('inside', 'other') + rest)
  const text = await check(path, 53)
  assert.match(text, /3 server blocks\n\n\.:53, view inside\n/)
  assert.match(text, /\n {4}view {4}other\n {12}if do\(\)\n\n\.:53\n/)
  assert.equal(said.mock.callCount(), 0)
  writeFileSync(path, rest + inside)
  await check(path, 53)
  assert.deepEqual(
    said.mock.calls.map(({ arguments: [line] }) => line as unknown),
    [
      `${path}:4 - '.' gets no query of dns://.:53: the block of ${path}:1 has no view and takes them all, it has to come last\n`,
    ],
  )
  writeFileSync(path, inside + rest + rest)
  await assert.rejects(() => check(path, 53), {
    message: `${path}:10 - cannot serve dns://.:53 - it is already defined`,
  })
})

test('check() warns of an address of -localip where no server block listens', async (t) => {
  const path = join(temporaryFolder(t), 'Corefile')
  const said = t.mock.method(process.stderr, 'write', () => true)
  const warnings = async (text: string, ...addresses: string[]): Promise<unknown> => {
    said.mock.resetCalls()
    writeFileSync(path, text)
    await check(path, 53, { name: 'dns0', addresses })
    const lines = said.mock.calls.map(({ arguments: [line] }) => String(line))
    return lines.filter((line) => !line.includes('without encryption'))
  }
  const block = (bind: string, key = '.'): string => `${key} {\n  bind ${bind}\n  errors\n}\n`
  const line = (where: string): string[] => [
    `No server block listens on ${where}, where -localip leads clients: they get no answer there; ` +
      'name the address in `bind`, or leave it out of -localip\n',
  ]
  const [local, service] = ['169.254.20.10', '10.96.0.10']
  assert.deepEqual(await warnings(block('169.254.20.11'), local), line(`${local}:53`))
  assert.deepEqual(
    await warnings(block('127.0.0.1'), local, 'fd00::a'),
    line(`${local}:53 and [fd00::a]:53`),
  )
  // Another port, or not plain DNS.
  for (const key of ['.:5353', 'tls://.:53']) {
    const text = block(local) + block(service, key)
    assert.deepEqual(await warnings(text, local, service), line(`${service}:53`))
  }
  const other = `a.test {\n  bind ${service}\n  errors\n}\n`
  for (const text of [block(`${local} ${service}`), block(local) + other, block('dns0')])
    assert.deepEqual(await warnings(text, local, service), [])
  for (const text of ['. {\n  errors\n}\n', block('0.0.0.0'), block('fd00:0::a')])
    assert.deepEqual(await warnings(text, 'fd00::a'), [])
  assert.deepEqual(await warnings(block('127.0.0.1')), [], 'nobody is led anywhere')
})
