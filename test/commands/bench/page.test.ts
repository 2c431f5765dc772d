// Every command of docs/bench.md is run, for a short while, against servers of this test.
import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describe, test } from 'node:test'
import { runBench } from '../../../src/commands/bench/index.ts'
import { benchSyntax } from '../../../src/options/bench-options.ts'
import { parseArgs } from '../../../src/options/options.ts'
import { temporaryFolder } from '../../helpers/nsd.ts'
import { address, ScriptedServer } from '../../load/scripted-server.ts'

const page = readFileSync(join(import.meta.dirname, '../../../docs/bench.md'), 'utf8')
const blocks = [...page.matchAll(/^```sh\n([^]*?)^```$/gm)].map(([, text = '']) => text)
/** Without them getaddrinfo has nobody to ask, and bench says so. */
const hasServers = /^nameserver /m.test(
  existsSync('/etc/resolv.conf') ? readFileSync('/etc/resolv.conf', 'utf8') : '',
)
const commands = blocks.flatMap((text) => text.replaceAll('\\\n', ' ').trim().split('\n'))

describe('docs/bench.md', () => {
  for (const line of commands) {
    const skip =
      line.includes('-client system') && !hasServers && 'needs a resolv.conf with a server'
    test(line, { skip }, async (t) => {
      const [program, ...words] = line.split(/\s+/)
      assert.equal(program, 'dnslet')
      const command = parseArgs(words)
      assert.ok(command.kind === 'bench', JSON.stringify(command))
      const { options } = command
      const isSystem = options.clients.includes('system')
      const names = options.servers.length > 0 ? options.servers : ['resolv.conf']
      const servers = await Promise.all(
        names.map(() => ScriptedServer.open(t, ({ query }) => [address(query)])),
      )
      const folder = temporaryFolder(t)
      const inFolder = (file: string): string => (file === '' ? '' : join(folder, basename(file)))
      if (options.hostsFile !== '')
        writeFileSync(inFolder(options.hostsFile), 'a.example\nb.example\n')
      let out = ''
      const status = await runBench(
        {
          ...options,
          seconds: 0.1,
          concurrency: isSystem ? 1 : 5,
          hosts: isSystem ? ['localhost'] : options.hosts,
          servers: isSystem
            ? []
            : servers.map(({ endpoint }) => `${endpoint.host}:${endpoint.port}`),
          hostsFile: inFolder(options.hostsFile),
          json: inFolder(options.json),
          html: inFolder(options.html),
        },
        {
          out: { write: (text) => (out += text) },
          err: process.stderr,
          env: {},
          stop: new AbortController().signal,
        },
      )
      assert.equal(status, 0, out)
      for (const file of [options.json, options.html]) {
        if (file !== '') assert.ok(existsSync(inFolder(file)), file)
      }
      if (!isSystem) for (const { seen } of servers) assert.ok(seen.length > 0)
    })
  }

  test('has every flag and every manner', () => {
    assert.ok(commands.length >= 7)
    for (const { name } of benchSyntax.flags) assert.ok(page.includes(`\`-${name}\``), name)
    const clients = benchSyntax.flags.find(({ name }) => name === 'client')?.choices ?? []
    for (const client of clients) assert.match(page, new RegExp(`^\\| \`${client}\``, 'm'))
  })
})
