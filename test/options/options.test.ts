import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { flags } from '../../src/options/flags.ts'
import { type Command, parseArgs } from '../../src/options/options.ts'
import type { ServeOptions } from '../../src/options/serve-options.ts'

function serve(...argv: readonly string[]): ServeOptions {
  const command = parseArgs(argv)
  if (command.kind === 'serve') return command.options
  assert.fail(`${argv.join(' ')}: ${JSON.stringify(command)}`)
}

/** Exit code and first line of the message. */
function refusal(...argv: readonly string[]): readonly [number, string] {
  const command = parseArgs(argv)
  if (command.kind !== 'usage-error') assert.fail(`${argv.join(' ')}: ${JSON.stringify(command)}`)
  return [command.exitCode, command.message.split('\n', 1)[0]!]
}

test('defaults', () => {
  assert.deepEqual(serve(), {
    conf: '',
    port: 53,
    localIps: [],
    setupInterface: false,
    setupIptables: false,
    intercepts: false,
    skipTeardown: false,
    reusePort: false,
    interfaceName: 'nodelocaldns',
    syncIntervalMs: 60_000,
    metricsListenAddress: ':9353',
    adminHttp: false,
    prometheusListenAddress: ':9253',
    baseCorefile: '/etc/coredns/Corefile.base',
    baseCorefileNamed: false,
    kubeDnsConfigMap: '/etc/kube-dns',
    upstreamService: 'kube-dns',
    healthPort: 8080,
    reloadWithSignal: false,
    pidfile: '',
    quiet: false,
    logFormat: 'json',
    warnings: [],
  })
  assert.equal(Object.isFrozen(serve()), true)
})

test('intercepts where a flag has the node changed', () => {
  const intercepts = (...more: string[]): boolean =>
    serve('-localip=10.96.0.10', '-setupinterface=false', '-setupiptables=false', ...more)
      .intercepts
  assert.equal(intercepts(), false)
  assert.equal(intercepts('-setupinterface=true'), true)
  assert.equal(intercepts('-setupiptables=true'), true)
})

/** Each flag of text, a value for it, and the option that shows it. */
const textFlags: readonly (readonly [string, string, keyof ServeOptions, unknown])[] = [
  ['conf', '/etc/Corefile', 'conf', '/etc/Corefile'],
  ['dns.port', '1053', 'port', 1053],
  ['p', '1053', 'port', 1053],
  ['localip', '169.254.20.10,fd00::a', 'localIps', ['169.254.20.10', 'fd00::a']],
  ['interfacename', 'dns0', 'interfaceName', 'dns0'],
  ['syncinterval', '1m30s', 'syncIntervalMs', 90_000],
  ['metrics-listen-address', '0.0.0.0:9353', 'metricsListenAddress', '0.0.0.0:9353'],
  ['prometheus-listen-address', ':9999', 'prometheusListenAddress', ':9999'],
  ['localip', '127.0.0.1, fd00::a ', 'localIps', ['127.0.0.1', 'fd00::a']],
  ['corefile', '/dead', 'conf', ''],
  ['kubednscm', '/k', 'kubeDnsConfigMap', '/k'],
  ['upstreamsvc', 'kube-dns-upstream', 'upstreamService', 'kube-dns-upstream'],
  ['health-port', '9254', 'healthPort', 9254],
  ['pidfile', '/tmp/p', 'pidfile', '/tmp/p'],
  ['log-format', 'text', 'logFormat', 'text'],
]

for (const [name, value, option, expected] of textFlags) {
  test(`-${name}, with one dash or two, its value after a space or "="`, () => {
    for (const dash of ['-', '--']) {
      assert.deepEqual(serve(dash + name, value)[option], expected)
      assert.deepEqual(serve(`${dash}${name}=${value}`)[option], expected)
      assert.deepEqual(serve('serve', dash + name, value, '-quiet').quiet, true)
    }
    assert.deepEqual(refusal(`-${name}`), [2, `flag needs an argument: -${name}`])
  })
}

const switches: readonly (readonly [string, keyof ServeOptions])[] = [
  ['skipteardown', 'skipTeardown'],
  ['reuseport', 'reusePort'],
  ['adminhttp', 'adminHttp'],
  ['reloadwithsignal', 'reloadWithSignal'],
  ['quiet', 'quiet'],
]

for (const [name, option] of switches) {
  test(`-${name} is true without a value and takes one after "=" alone`, () => {
    for (const dash of ['-', '--']) {
      assert.equal(serve(dash + name)[option], true)
      for (const yes of ['1', 't', 'T', 'true', 'TRUE', 'True']) {
        assert.equal(serve(`${dash}${name}=${yes}`)[option], true)
      }
      for (const no of ['0', 'f', 'F', 'false', 'FALSE', 'False']) {
        assert.equal(serve(`${dash}${name}=${no}`)[option], false)
      }
    }
    const wrong = `invalid boolean value "yes" for -${name}: parse error`
    assert.deepEqual(refusal(`-${name}=yes`), [2, wrong])
    assert.deepEqual(refusal(`-${name}`, 'false'), [1, 'extra command line arguments: [false]'])
  })
}

test('every flag has a test above or here', () => {
  const here = ['basecorefile', 'setupinterface', 'setupiptables', 'version', 'plugins', 'help']
  const tested = [...textFlags, ...switches].map(([name]) => canonical(name))
  assert.deepEqual(
    flags.map(({ name }) => name).toSorted(),
    [...new Set([...tested, ...here])].toSorted(),
  )
})

test('interface and rules are set up where there are addresses, unless declined', () => {
  const setUp = (...argv: readonly string[]): boolean[] => {
    const { setupInterface, setupIptables } = serve(...argv)
    return [setupInterface, setupIptables]
  }
  assert.deepEqual(setUp(), [false, false])
  assert.deepEqual(setUp('-localip', '10.0.0.1'), [true, true])
  assert.deepEqual(setUp('-localip', '10.0.0.1', '-setupinterface=false'), [false, true])
  assert.deepEqual(setUp('-localip', '10.0.0.1', '-setupiptables=false'), [true, false])
  for (const name of ['setupinterface', 'setupiptables']) {
    const message =
      `[FATAL] Error parsing flags - -${name}=true needs -localip, the addresses to set up, ` +
      'Exiting'
    assert.deepEqual(refusal(`-${name}`), [1, message])
    assert.deepEqual(refusal(`--${name}=true`), [1, message])
  }
})

test('the arguments of the official manifest are accepted', () => {
  const args =
    '-localip 169.254.20.10,10.96.0.10 -conf /etc/Corefile -upstreamsvc kube-dns-upstream ' +
    '-pidfile /tmp/node-cache.pid'
  const options = serve(...args.split(' '))
  assert.equal(options.conf, '/etc/Corefile')
  assert.equal(options.baseCorefile, '/etc/coredns/Corefile.base')
  assert.equal(options.baseCorefileNamed, false)
  assert.equal(options.kubeDnsConfigMap, '/etc/kube-dns')
  assert.equal(options.upstreamService, 'kube-dns-upstream')
  assert.deepEqual(options.warnings, [])
})

test('a named template needs a file to be written to', () => {
  const options = serve('-basecorefile=/b', '-conf', '/etc/Corefile')
  assert.deepEqual([options.baseCorefile, options.baseCorefileNamed], ['/b', true])
  assert.deepEqual(refusal('-basecorefile'), [2, 'flag needs an argument: -basecorefile'])
  assert.equal(serve('-basecorefile=/b', '-conf', '/b').conf, '/b', 'which may be its own')
  for (const argv of [[], ['-conf', 'stdin'], ['-conf=']]) {
    const [code, message] = refusal('-basecorefile', '/b', ...argv)
    assert.equal(code, 1)
    assert.match(message, /-basecorefile needs -conf/)
  }
})

test('an empty name of the template means none, and is said', () => {
  const { baseCorefile, baseCorefileNamed, warnings } = serve('-basecorefile=', '-conf', '/c')
  assert.deepEqual([baseCorefile, baseCorefileNamed], ['', false])
  assert.deepEqual(warnings, ['-basecorefile is empty: -conf is served as it is'])
})

test('values are refused in the words of node-cache, with exit code 1', () => {
  const fatal = (reason: string): readonly [number, string] => [
    1,
    `[FATAL] Error parsing flags - ${reason}, Exiting`,
  ]
  const localip = (value: string): readonly [number, string] =>
    fatal(`invalid localip specified - "${value}"`)
  assert.deepEqual(refusal('-localip', '10.0.0.1,'), localip(''))
  assert.deepEqual(refusal('-localip', '10.0.0.1, ::g'), localip(' ::g'))
  assert.deepEqual(refusal('-localip', 'fe80::1%eth0'), localip('fe80::1%eth0'))
  for (const port of ['', 'x', '-1', '65536', '5e3', '0x35']) {
    assert.deepEqual(refusal('-p', port), fatal(`invalid port specified - "${port}"`))
    const reason = `invalid healthcheck port specified - "${port}"`
    assert.deepEqual(refusal('-health-port', port), fatal(reason))
  }
  assert.deepEqual(refusal('-health-port=0'), fatal('invalid healthcheck port specified - "0"'))
  assert.deepEqual(
    refusal('-log-format=xml'),
    fatal('invalid log-format specified - "xml": want json or text'),
  )
  assert.deepEqual(
    refusal('-syncinterval', '999ms'),
    fatal('invalid syncinterval specified - "999ms": less than 1s'),
  )
})

test('the sync interval is a Go duration, but whole nanoseconds are seconds as in node-cache', () => {
  assert.equal(serve('-syncinterval', '30s').syncIntervalMs, 30_000)
  // No timer of Node's waits longer: one that should would fire at once, again and again.
  assert.equal(serve('-syncinterval', '1000h').syncIntervalMs, 2 ** 31 - 1)
  const { syncIntervalMs, warnings } = serve('-syncinterval', '60ns')
  assert.equal(syncIntervalMs, 60_000)
  assert.deepEqual(warnings, ['-syncinterval=60ns is taken as 60 s, as node-cache does: write 60s'])
  const wrong = 'invalid value "60" for flag -syncinterval: parse error'
  assert.deepEqual(refusal('-syncinterval', '60'), [2, wrong])
})

test('flags that do nothing here are warned of', () => {
  const warned = (...argv: readonly string[]): string => serve(...argv).warnings.join('\n')
  assert.match(warned('-corefile', '/x'), /^-corefile is ignored/)
})

test('an unknown flag prints the usage, names what may be meant, and exits with 2', () => {
  const command = parseArgs(['-metrics-listen-adress', ':1'])
  assert.equal(command.kind, 'usage-error')
  const { message, exitCode } = command as Command & { kind: 'usage-error' }
  assert.equal(exitCode, 2)
  assert.match(
    message,
    /^flag provided but not defined: -metrics-listen-adress \(did you mean -metrics-listen-address\?\)\nUsage:/,
  )
  assert.deepEqual(refusal('--frobnicate'), [2, 'flag provided but not defined: -frobnicate'])
  assert.deepEqual(refusal('-p53'), [2, 'flag provided but not defined: -p53'])
  for (const name of ['_', '__proto__', '$0', 'constructor', 'a.b', 'no-quiet']) {
    assert.match(refusal(`-${name}=x`)[1], /^flag provided but not defined: -/)
  }
})

test('the last value of a flag wins, whichever of its names', () => {
  assert.equal(serve('-p', '1', '-dns.port=2').port, 2)
  assert.equal(serve('-dns.port=2', '-p', '1').port, 1)
  assert.equal(serve('-quiet', '-quiet=false').quiet, false)
})

test('words after the flags are refused as they were typed, with exit code 1', () => {
  assert.deepEqual(refusal('-quiet', 'x', '-p', '-quiet'), [
    1,
    'extra command line arguments: [x -p -quiet]',
  ])
  assert.deepEqual(refusal('--', '-quiet'), [1, 'extra command line arguments: [-quiet]'])
  assert.deepEqual(refusal('-'), [1, 'extra command line arguments: [-]'])
  assert.deepEqual(refusal('demo', 'x'), [1, 'extra command line arguments: [x]'])
  assert.deepEqual(refusal('check', 'a', '-p=1', 'b'), [1, 'extra command line arguments: [b]'])
})

test('dnslet check takes the Corefile before its flags, after them, or as -conf', () => {
  const interfaceName = 'nodelocaldns'
  const expected = { kind: 'check', corefile: '/c', port: 1053, interfaceName, localIps: [] }
  assert.deepEqual(parseArgs(['check', '/c', '-p', '1053']), expected)
  assert.deepEqual(parseArgs(['check', '-p', '1053', '/c']), expected)
  assert.deepEqual(parseArgs(['check', '-conf=/c', '-p=1053']), expected)
  assert.deepEqual(parseArgs(['check', '-localip', '10.0.0.9', '-interfacename', 'dns0']), {
    kind: 'check',
    corefile: '',
    port: 53,
    interfaceName: 'dns0',
    localIps: ['10.0.0.9'],
  })
})

test('dnslet demo', () => {
  assert.deepEqual(parseArgs(['demo']), { kind: 'demo', port: 5300 })
  assert.deepEqual(parseArgs(['demo', '-p', '0']), { kind: 'demo', port: 0 })
})

test('no line of a usage text is too long for it, and broken', () => {
  for (const command of [[], ['bench'], ['doctor'], ['explain'], ['top']]) {
    const help = parseArgs([...command, '-h'])
    if (help.kind !== 'help') assert.fail(help.kind)
    const [usage = ''] = help.text.split('\n\nOptions:', 1)
    const [forms = '', ...rest] = usage.split('\n\n')
    for (const form of forms.split('\n')) assert.match(form, /^(Usage: ?)?(dnslet .*)?$/)
    for (const line of rest.join('\n').split('\n')) assert.match(line, / |^$/)
  }
})

test('-version, -plugins and -help need nothing else, and no flag of theirs is an error', () => {
  assert.deepEqual(parseArgs(['-version']), { kind: 'version' })
  assert.deepEqual(parseArgs(['--plugins', '-p', 'x']), { kind: 'plugins' })
  for (const argv of [['-h'], ['--help'], ['check', '-help'], ['-version', '-h']]) {
    const command = parseArgs(argv)
    if (command.kind !== 'help') assert.fail(command.kind)
    for (const { name } of flags) assert.match(command.text, new RegExp(`--${name}\\b`))
  }
  assert.equal(parseArgs(['-version=false']).kind, 'serve')
})

test('no command line makes it throw', () => {
  const names = flags.flatMap(({ name, aliases }) => [name, ...aliases])
  const word = fc.oneof(
    fc.string(),
    fc.constantFrom('serve', 'check', 'demo', '-', '--', '=', '-='),
    fc
      .tuple(fc.constantFrom('-', '--', '---'), fc.constantFrom(...names, '_', '$0'), fc.string())
      .map((parts) => parts.join('')),
  )
  fc.assert(
    fc.property(fc.array(word, { maxLength: 5 }), (argv) => {
      assert.match(parseArgs(argv).kind, /^(serve|check|demo|version|plugins|help|usage-error)$/)
    }),
    { numRuns: 300 },
  )
})

function canonical(name: string): string {
  return flags.find((flag) => flag.name === name || flag.aliases.includes(name))!.name
}
