// Corefiles of the kinds that run on nodes: what starts on node-cache starts here, and what it refuses
// is refused, with words that help.
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { check } from '../../src/commands/check.ts'
import { parse } from '../../src/corefile/parse.ts'
import { nodeFiles } from '../../src/corefile/files.ts'
import { knownDirectives } from '../../src/plugins/index.ts'
import { temporaryFolder } from '../helpers/nsd.ts'
import { outline } from '../corefile/support.ts'

interface Checked {
  readonly text: string
  readonly warnings: readonly string[]
}

/** Runs check() over files of a folder, its first one the Corefile; paths are left out of all texts. */
async function run(t: TestContext, files: Readonly<Record<string, string>>): Promise<Checked> {
  const folder = temporaryFolder(t)
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  const plain = (text: string): string => text.replaceAll(`${folder}/`, '').trimEnd()
  const warnings: string[] = []
  const warned = t.mock.method(process.stderr, 'write', (line: string) => {
    warnings.push(plain(line))
    return true
  })
  try {
    return { text: plain(await check(join(folder, Object.keys(files)[0]!), 53)), warnings }
  } catch (error) {
    return { text: plain((error as Error).message), warnings }
  } finally {
    warned.mock.restore()
  }
}

/** The blocks of most deployments: the cluster's zones at its own server, the rest at the node's. */
function block(zone: string, extra = '', bind = '    bind 169.254.25.10\n'): string {
  return (
    `${zone}:53 {\n    errors\n    cache 30\n    reload\n    loop\n${bind}` +
    `    forward . 10.9.0.3 {\n        force_tcp\n    }\n    prometheus :9253\n${extra}}\n`
  )
}

const accepted: readonly (readonly [
  kind: string,
  files: string | Readonly<Record<string, string>>,
  shows: RegExp,
  ...warnings: RegExp[],
])[] = [
  ['zones with a final dot', block('cluster.local.'), /^cluster\.local\.:53$/m],
  ['IPv6 alone', block('.', '', '    bind fd00::10\n'), /listens on \[fd00::10\]:53/],
  [
    'bare health and ready, whose probes ask the pod',
    block('.', '    health\n    ready\n'),
    /^HTTP that more than this node can reach: :8181 \(ready\) :8080 \(health\) :9253 \(prometheus\)$/m,
  ],
  [
    'prefetch, stale answers and a consolidated log',
    `.:53 {\n  errors {\n    consolidate 5m ".* i/o timeout$" warning\n  }\n  cache {\n    success 39936\n` +
      `    denial 9984\n    prefetch 10 1m 25%\n    serve_stale 12h immediate\n  }\n  forward . 10.9.0.3\n}\n`,
    /prefetch 10 1m0s 25%\n +serve_stale up to 12h0m0s/,
  ],
  [
    'a log with format and class',
    block('.', '    log . {combined} {\n        class error\n    }\n'),
    /log +\. \{combined\} class error/,
  ],
  [
    'a block without bind, port and prometheus beside bound ones',
    `${block('.')}consul {\n    errors\n    cache 30\n    forward . 10.9.53.111\n}\n`,
    /^consul\.:53\n {2}listens on :53$/m,
  ],
  [
    'a block without any plugin beside others',
    `${block('.')}a.test:53 {\n}\n`,
    /^a\.test\.:53\n {2}listens on :53$/m,
    /^Corefile:12 - 'a\.test:53' has no plugin: every query is answered REFUSED$/,
  ],
  [
    'a zone over https beside others',
    `https://company.example:4453 {\n    errors\n    prometheus :9253\n}\n${block('.')}`,
    /^https:\/\/company\.example\.:4453\n {2}listens on https:\/\/:4453$/m,
    /^Corefile:1 - 'https:\/\/company\.example:4453' is served without encryption/,
  ],
  [
    'zones without a space before the brace',
    `example.com example.io:1053{\n  log\n  cache 5\n  forward . 10.9.1.1\n}\n${block('.')}`,
    /^example\.com\.:53 example\.io:1053\{\.:53$/m,
    /^Corefile:5 - '\}' ends a server block that no '\{' begins/,
    /^Corefile:1 - 'example\.io:1053\{' is read as a zone: put a space before '\{'/,
    /RFC1035/,
  ],
  [
    'option blocks on one line',
    '.:53 {\n    cache 30\n    forward . 10.9.0.3 { max_concurrent 1000 }\n}\n',
    /max_concurrent 1000/,
    /^plugin\/forward: Corefile:3 - '\}' after 'max_concurrent'/,
  ],
  [
    'an upstream behind # and a brace too many',
    '.:53 {\n  forward . 10.9.0.3#old 10.9.0.4 {\n    policy sequential\n  }\n}\n}\n',
    /to 10\.9\.0\.3:53\n +to 10\.9\.0\.4:53/,
    /^Corefile:2 - '#' right after '10\.9\.0\.3' drops the rest of that word alone/,
    /^Corefile:6 - '\}' closes nothing/,
  ],
  [
    'customizations that are imported, or not there yet',
    {
      Corefile: `import coredns/Custom\n${block('.', '    import custom/*.override\n')}`,
      'coredns/Custom': '# Add zones here\nabc.test {\n    errors\n}\n',
      'custom/a.override': 'log\n',
    },
    /^abc\.test\.:53\n[^]*^ {4}log/m,
  ],
  [
    'imports whose folder is empty',
    block('.', '    import custom/*.override\n'),
    /^\.:53$/m,
    /^No files matching import glob pattern: custom\/\*\.override$/,
  ],
  [
    'a variable that the manifest forgot',
    block('.', '    health {$NOT_SET_HERE}:9254\n'),
    /health +:9254/,
    /^Corefile:11 - \{\$NOT_SET_HERE\} is not set: it stands for nothing$/,
  ],
]

const refused: readonly (readonly [kind: string, corefile: string, ...lines: string[]])[] = [
  [
    'separators in place of line breaks',
    '.:53 {\n    cache { success 9984 30; denial 9984 5 }\n}\n',
    "plugin/cache: Corefile:2 - Error during parsing: Options go one per line, and the closing '}' on a line of its own",
  ],
  [
    'a TTL of 0',
    '.:53 {\n    cache 0\n}\n',
    'Corefile:2 - plugin/cache: cache TTL can not be zero or negative: 0',
  ],
  [
    'a placeholder that a script should have filled, twice',
    'a.test {\n  forward . __CLUSTER_IP__\n}\n. {\n  forward . __CLUSTER_IP__\n}\n',
    'Corefile:2 - plugin/forward: not an IP address, file, or valid domain: "__CLUSTER_IP__"',
    'Corefile:5 - plugin/forward: not an IP address, file, or valid domain: "__CLUSTER_IP__"',
  ],
  [
    "somebody else's plugin beside those of CoreDNS",
    '. {\n  dynamicforward default\n  kubernetes cluster.local\n}\n',
    "Corefile:2 - Error during parsing: Unknown directive 'dynamicforward'",
    "Corefile:3 - no action found for directive 'kubernetes' with server type 'dns' (missing a plugin?)",
  ],
  [
    'autopath, with the reason',
    '. {\n  autopath @kubernetes\n}\n',
    "Corefile:2 - no action found for directive 'autopath' with server type 'dns' (left out: it has to know the " +
      "namespace of each pod that asks, which the cluster's DNS does and a node's cache does not: write it into the " +
      "Corefile of the cluster's DNS, with `pods verified` of kubernetes)",
  ],
  [
    'a server block on one line',
    '. { bind 127.0.0.1 }\n',
    "Corefile:1 - Error during parsing: Unexpected '}' because no matching opening brace: directives " +
      "go one per line, and the server block's closing '}' on a line of its own",
  ],
  [
    'a file behind a backslash',
    '. {\n  import nofile\\x\n}\n',
    'Corefile:2 - Error during parsing: File to import not found: nofile\\x',
  ],
  [
    'a zone over gRPC',
    'grpc://company.example {\n  errors\n}\n',
    'Corefile:1 - cannot serve grpc://: DNS over UDP and TCP, over TLS (tls://) and over HTTPS (https://) is served',
  ],
]

describe('a Corefile starts that has', () => {
  for (const [kind, files, shows, ...warnings] of accepted) {
    test(kind, async (t) => {
      const { text, warnings: said } = await run(
        t,
        typeof files === 'string' ? { Corefile: files } : files,
      )
      assert.match(text, /^Corefile is valid: /)
      assert.match(text, shows)
      assert.equal(said.length, warnings.length, said.join('\n'))
      warnings.forEach((warning, i) => assert.match(said[i]!, warning))
    })
  }
})

describe('a Corefile is refused that has', () => {
  for (const [kind, corefile, ...lines] of refused) {
    test(kind, async (t) => {
      const { text } = await run(t, { Corefile: corefile })
      assert.deepEqual(text.split('\n'), lines)
    })
  }
})

test('option blocks of hosts and template are read as they are written, files and inline', () => {
  const text =
    '.:53 {\n  hosts {\n    10.9.0.1 a.test b.test\n    fallthrough\n  }\n' +
    '  hosts /etc/hosts { fallthrough }\n  template ANY HINFO . { rcode NXDOMAIN }\n' +
    '  template IN AAAA {\n    rcode NOERROR\n  }\n}\n'
  const parts = { directives: knownDirectives, env: {}, files: nodeFiles, warn: assert.fail }
  assert.deepEqual(outline(parse({ file: 'Corefile', text }, parts)), [
    [
      ['.:53'],
      ['hosts', '10.9.0.1 a.test b.test', 'fallthrough'],
      ['hosts /etc/hosts', 'fallthrough'],
      ['template ANY HINFO .', 'rcode NXDOMAIN'],
      ['template IN AAAA', 'rcode NOERROR'],
    ],
  ])
})
