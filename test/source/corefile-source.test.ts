import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { FileSystem } from '../../src/corefile/files.ts'
import { type Corefile, CorefileSource, type Stdin } from '../../src/source/corefile-source.ts'
import { temporaryFolder } from '../helpers/nsd.ts'

interface Options {
  readonly env?: Readonly<Record<string, string>>
  readonly stdin?: Stdin
  readonly files?: FileSystem
}

function source(conf: string, { env = {}, ...parts }: Options = {}): CorefileSource {
  return new CorefileSource(conf, {
    directives: ['cache', 'errors', 'forward'],
    env,
    warn: () => {},
    ...parts,
  })
}

/** Loads a Corefile of this text, in a file of the same name each time. */
function loaderIn(folder: string, env: Readonly<Record<string, string>> = {}) {
  const path = join(folder, 'Corefile')
  return (text: string): Corefile => {
    writeFileSync(path, text)
    return source(path, { env }).load()
  }
}

test('load() gives name, text, blocks and hash', (t) => {
  const folder = temporaryFolder(t)
  const text = '.:5300 {\n  forward . 9.9.9.9\n}\n'
  const { file, text: read, blocks, hash } = loaderIn(folder)(text)
  assert.equal(file, join(folder, 'Corefile'))
  assert.equal(read, text)
  assert.deepEqual([...blocks[0]!.directives.keys()], ['forward'])
  assert.match(hash, /^[0-9a-f]{128}$/)
})

test('the hash follows what the Corefile says and where, not how it is spaced', (t) => {
  const load = loaderIn(temporaryFolder(t))
  const hash = (text: string): string => load(text).hash
  const base = hash('. {\n  errors\n  cache 30\n}\n')
  assert.equal(hash('.   {   # root\n\terrors\n  cache    "30"\n}'), base)
  for (const other of [
    '. {\n  errors\n  cache 31\n}\n',
    '. {\n  errors\n  cache 30 {\n}\n}\n',
    '. {\n  errors\n\n  cache 30\n}\n',
    'a. {\n  errors\n  cache 30\n}\n',
    '. {\n  cache 30\n  errors\n}\n',
    '. {\n  errors\n}\n',
  ]) {
    assert.notEqual(hash(other), base, other)
  }
})

test('the hash follows imported files and the environment', (t) => {
  const folder = temporaryFolder(t)
  const text = '. {\n  import extra\n  cache {$TTL}\n}\n'
  const hash = (extra: string, ttl: string): string => {
    writeFileSync(join(folder, 'extra'), extra)
    return loaderIn(folder, { TTL: ttl })(text).hash
  }
  const base = hash('errors\n', '30')
  assert.equal(hash('errors # more\n', '30'), base)
  assert.notEqual(hash('errors\nforward . 9.9.9.9\n', '30'), base)
  assert.notEqual(hash('errors\n', '31'), base)
})

test('without -conf it is ./Corefile', () => {
  assert.equal(source('').path, 'Corefile')
  assert.equal(source('/etc/Corefile').path, '/etc/Corefile')
  assert.equal(source('stdin').path, null)
})

test('standard input is read once, and loads the same again', () => {
  let reads = 0
  const stdin: Stdin = {
    isTerminal: false,
    read: () => (reads++ === 0 ? '. {\n  errors\n}\n' : ''),
  }
  const piped = source('stdin', { stdin })
  const first = piped.load()
  assert.equal(first.file, 'stdin')
  assert.deepEqual(piped.load(), first)
  assert.equal(reads, 1)
})

test('a terminal is not waited for', () => {
  const stdin: Stdin = { isTerminal: true, read: () => assert.fail('read') }
  assert.throws(() => source('stdin', { stdin }).load(), {
    code: 'E_COREFILE_READ',
    message: /standard input: it is a terminal/,
  })
})

test('a real pipe is read to its end', () => {
  const url = new URL('../../src/source/corefile-source.ts', import.meta.url)
  const script = `
    import { CorefileSource } from ${JSON.stringify(url.href)}
    const parts = { directives: ['errors'], env: {}, warn() {} }
    console.log(new CorefileSource('stdin', parts).load().blocks.length)`
  const args = ['--input-type=module', '--eval', script]
  const input = 'a. {\n  errors\n}\nb. {\n}\n'
  assert.equal(execFileSync(process.execPath, args, { input, encoding: 'utf8' }), '2\n')
})

test('what cannot be read is named, with a remedy', (t) => {
  const folder = temporaryFolder(t)
  const refused = (conf: string, message: string | RegExp): void => {
    assert.throws(() => source(conf).load(), { code: 'E_COREFILE_READ', message })
  }
  const missing = join(folder, 'none')
  refused(missing, `loading Caddyfile via flag: open ${missing}: no such file or directory`)
  const directory = join(folder, 'dir')
  mkdirSync(directory)
  refused(
    directory,
    `loading Caddyfile via flag: open ${directory}: is a directory; name the file in it, e.g. ${directory}/Corefile`,
  )
})

test('a file that may not be read names who may not', () => {
  const files: FileSystem = {
    read(path) {
      throw new Error(`open ${path}: permission denied`)
    },
    glob: () => [],
  }
  const uid = process.getuid?.()
  assert.throws(() => source('/secret', { files }).load(), {
    message: `loading Caddyfile via flag: open /secret: permission denied; make it readable for user id ${uid}`,
  })
})

test('without -conf and ./Corefile the message says what to do', (t) => {
  const before = process.cwd()
  process.chdir(temporaryFolder(t))
  t.after(() => process.chdir(before))
  assert.throws(() => source('').load(), {
    message: 'Cannot find ./Corefile: name one with -conf <path>, or try "dnslet demo"',
  })
})

test('a Corefile without a server block is refused', (t) => {
  const load = loaderIn(temporaryFolder(t))
  for (const text of ['', '# nothing\n', '(snippet) {\n  errors\n}\n']) {
    assert.throws(() => load(text), { code: 'E_COREFILE_EMPTY', message: /it has no server block/ })
  }
})

test('errors inside name file and line', (t) => {
  const folder = temporaryFolder(t)
  assert.throws(() => loaderIn(folder)('. {\n  errros\n}\n'), {
    code: 'E_COREFILE_SYNTAX',
    message: `${folder}/Corefile:2 - Error during parsing: Unknown directive 'errros' (did you mean 'errors'?)`,
  })
})
