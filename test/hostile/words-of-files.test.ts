// Somebody may edit a Corefile and see what the daemon says of it: nothing of it rules the terminal of who
// reads that, and no file of the node can be read by importing it.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

import { check } from '../../src/commands/check.ts'
import { errorText } from '../../src/commands/error-text.ts'
import { bin, startDnslet } from '../helpers/dnslet.ts'
import { temporaryFolder } from '../helpers/nsd.ts'
import { waitUntil } from '../helpers/processes.ts'
import { freePort } from '../helpers/ports.ts'
import { startFixedDns } from '../helpers/fixed-dns.ts'

const SECRET = 'root:$y$j9T$hunter2:19000:0:99999:7:::\ndaemon:*:19000:0:99999:7:::\n'

interface Said {
  readonly text: string
  readonly folder: string
}

function write(t: TestContext, files: Readonly<Record<string, string>>): string {
  const folder = temporaryFolder(t)
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  return folder
}

/** What `dnslet check` says of these files, on either output. */
async function say(
  t: TestContext,
  corefile: string,
  files: Readonly<Record<string, string>> = {},
): Promise<Said> {
  const folder = write(t, { Corefile: corefile, ...files })
  let text = ''
  const { mock } = t.mock.method(process.stderr, 'write', (chunk: string) => {
    text += chunk
    return true
  })
  try {
    text += await check(join(folder, 'Corefile'), 53)
  } catch (error) {
    text += errorText(error)
  } finally {
    mock.restore()
  }
  return { text, folder }
}

/** What a start of the built daemon says, until it ends. */
function start(t: TestContext, corefile: string, files: Readonly<Record<string, string>> = {}) {
  const folder = write(t, { Corefile: corefile, ...files })
  const args = ['-conf', join(folder, 'Corefile'), '-log-format', 'text']
  const env = { ...process.env, DNSLET_STATE_DIR: '' }
  const { stdout, stderr, status } = spawnSync(bin, args, {
    encoding: 'utf8',
    timeout: 20_000,
    env,
  })
  return { text: stdout + stderr, code: status, folder }
}

/** Ways to import a file, and the place where that is read. */
const imports: readonly (readonly [where: string, corefile: string])[] = [
  ['as server blocks', 'import secret\n'],
  ['as keys of a block', 'import secret\n{\n  forward . 127.0.0.1:9\n}\n'],
  ['as further keys', 'a.test,\nimport secret\n'],
  ['as directives', '. {\n  import secret\n}\n'],
  ['after a directive', '. {\n  errors\n  import secret\n}\n'],
  ['as options', '. {\n  cache {\n    import secret\n  }\n}\n'],
  ['as options of forward', '. {\n  forward . 127.0.0.1:9 {\n    import secret\n  }\n}\n'],
  ['as options of log', '. {\n  log . {\n    import secret\n  }\n}\n'],
  ['by way of a snippet', '(s) {\n  import secret\n}\n. {\n  import s\n}\n'],
  ['by way of another file', '. {\n  import other\n}\n'],
  ['by a pattern', '. {\n  import secre*\n}\n'],
]
const secrets: Readonly<Record<string, string>> = {
  'like /etc/shadow': SECRET,
  'one word': 'hunter2\n',
  'one word and a hash': 'hunter2#x\n',
  'JSON of Docker': '{\n  "auths": {\n    "r.test": {\n      "auth": "hunter2"\n    }\n  }\n}\n',
  'a private key': '-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n',
  'an environment': 'HOME=/root\0PASSWORD=hunter2\0',
  settings: '[client]\nuser = root\npassword = "hunter2"\nhost = x\n{\n',
  'an open quote': '"hunter2\n',
  'a variable': '{$hunter2}\n{%hunter2%}\n',
}
/** A word alone is a zone like any other: those are no errors, and as zones they are told of. */
const aZone = (kind: string, where: string): boolean =>
  kind.startsWith('one word') &&
  ['as server blocks', 'as keys of a block', 'as further keys'].includes(where)

for (const [kind, secret] of Object.entries(secrets)) {
  test(`no word of a file ${kind} is told, wherever it is imported`, async (t) => {
    for (const [where, corefile] of imports) {
      if (aZone(kind, where)) continue
      const { text, folder } = await say(t, corefile, { secret, other: 'import secret\n' })
      assert.doesNotMatch(text, /hunter2/, `${where}: ${text}`)
      if (kind !== 'a variable')
        assert.ok(text.includes(join(folder, 'secret')), `${where}: ${text}`)
    }
  })
}

test('a start tells as little as check, and file and line as well', (t) => {
  const { text, code, folder } = start(t, imports[3]![1], { secret: SECRET })
  assert.equal(code, 1)
  assert.equal(
    text,
    `${join(folder, 'secret')}:1 - Error during parsing: Cannot be read as part of a Corefile (its words are ` +
      'not shown, because none of the first three lines of this file begins with a directive)\n',
  )
})

for (const [what, corefile, file, message] of [
  [
    'a directive',
    '. {\n import f\n}\n',
    'errors\nforwrad . 127.0.0.1\n',
    ":2 - Error during parsing: Unknown directive 'forwrad' (did you mean 'forward'?)",
  ],
  [
    'the first directive',
    '. {\n import f\n}\n',
    '# ours\nforwrad . 127.0.0.1\nerrors\n',
    ":2 - Error during parsing: Unknown directive 'forwrad' (did you mean 'forward'?)",
  ],
  [
    'a directive of a block',
    'import f\n',
    'a.test {\n  forwrad . 127.0.0.1\n  errors\n}\n',
    ":2 - Error during parsing: Unknown directive 'forwrad'",
  ],
  [
    'a value',
    '. {\n import f\n}\n',
    'cache 5x {\n  success ten\n}\n',
    ':2 - plugin/cache: strconv.Atoi: parsing "ten"',
  ],
] as const) {
  test(`an honest mistake in ${what} of an imported file is told in full`, async (t) => {
    const { text, folder } = await say(t, corefile, { f: file })
    assert.ok(text.includes(`${join(folder, 'f')}${message}`), text)
  })
}

const controls = 'x\u001b]0;owned\u0007\u009b31m\u202ey\u0000'
for (const [where, corefile] of [
  ['a directive', `. {\n  ${controls}\n}\n`],
  ['a key', `${controls} {\n  forward . 127.0.0.1:9\n}\n`],
  ['an argument', `. {\n  forward . ${controls}\n}\n`],
  ['an option', `. {\n  cache {\n    ${controls}\n  }\n}\n`],
  ['a format', `. {\n  log . "${controls} {type}\n[FATAL] forged"\n  forward . 127.0.0.1:9\n}\n`],
  ['a path', `import "${controls}\n[FATAL] forged"\n`],
  ['a pattern', `import "${controls}\n[FATAL] forged*"\n. {\n}\n`],
  ['a hash', `. {\n  cache 30${controls}#x\n}\n`],
  ['a snippet', `("${controls}") {\n}\n("${controls}") {\n}\n`],
  ['a variable', `. {\n  {$X${controls}}\n}\n`],
  ['a quoted line break', '. {\n  "a\n[FATAL] forged"\n}\n'],
  ['a quoted key', '"a\n[FATAL] forged" {\n  forward . 127.0.0.1:9\n}\n'],
] as const) {
  test(`control characters in ${where} are spelt`, async (t) => {
    assertPrintable((await say(t, corefile)).text)
  })
}

test('control characters are spelt at a start', (t) => {
  const { text, code } = start(t, `. {\n  errors\n  "${controls}\n[FATAL] forged"\n}\n`)
  assert.equal(code, 1)
  assertPrintable(text)
})

function assertPrintable(text: string): void {
  assert.notEqual(text, '')
  assert.doesNotMatch(text.replaceAll('\n', ''), /[\p{Cc}\p{Cf}]/u, text)
  assert.doesNotMatch(text, /^\[FATAL\]/m, text)
}

test('names of queries are spelt in the log, as text and as JSON', async (t) => {
  const upstream = await startFixedDns(t)
  upstream.udp = [3, 0]
  for (const format of ['text', 'json']) {
    const port = await freePort()
    const corefile = `.:${port} {\n  bind 127.0.0.1\n  log\n  errors\n  forward . 127.0.0.1:${upstream.port}\n}\n`
    const ready = { address: '127.0.0.1', port }
    const { process: daemon } = await startDnslet(t, corefile, {
      ready,
      args: ['-log-format', format],
    })
    const socket = createSocket('udp4')
    t.after(() => void socket.close())
    const labels = [
      '"}\n{"level":"x"',
      '\u001b[2J',
      '\r\n[FATAL] x',
      '\u0000\u007f\\',
      '\u009b\u202e',
    ]
    for (const label of labels) {
      const octets = Buffer.from(label, label.includes('\u202e') ? 'utf8' : 'latin1')
      const head = Buffer.from([0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, octets.length])
      socket.send(
        Buffer.concat([head, octets, Buffer.from([4, 104, 111, 115, 116, 0, 0, 1, 0, 1])]),
        port,
        '127.0.0.1',
      )
    }
    const lines = (): string[] =>
      daemon
        .output()
        .split('\n')
        .filter((line) => line.includes('.host.'))
    await waitUntil('the lines', () => lines().length >= labels.length, daemon)
    assert.equal(lines().length, labels.length, daemon.output())
    assert.doesNotMatch(daemon.output().replaceAll('\n', ''), /[\p{Cc}\p{Cf}]/u)
    if (format === 'text') assert.ok(lines().every((line) => line.startsWith('[INFO] ')))
    else
      for (const line of daemon.output().trim().split('\n'))
        assert.equal(typeof JSON.parse(line), 'object')
  }
})
