// What the build has made: few files, or one for each module where coverage is taken.
import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { dirname, join } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '../..')
/** Those of static imports at the beginning of a line, and of import(). */
const SPECIFIER = /^(?:import|export)\b[^'"`;]*?["']([^"']+)["'];|\bimport\(["']([^"']+)["']\)/gm

test('the build imports files of its own, Node.js and the packages that are installed with it', () => {
  const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>
  }
  const imported = new Set<string>()
  for (const file of globSync('dist/**/*.js', { cwd: root })) {
    for (const [, plain, lazy] of readFileSync(join(root, file), 'utf8').matchAll(SPECIFIER)) {
      const name = plain ?? lazy!
      imported.add(name)
      const isFound = name.startsWith('.')
        ? existsSync(join(root, dirname(file), name))
        : isBuiltin(name) || name.split('/', 1)[0]! in dependencies
      assert.ok(isFound, `${file} imports ${name}`)
    }
  }
  assert.ok(['lru-cache', 'node:fs', 'pino'].every((name) => imported.has(name)))
})

// V8 keeps each character of a file in two octets where one of them needs two. Built for coverage it has them.
test(
  'the build has no character but those of ASCII',
  { skip: !existsSync(join(root, 'dist/parts')) },
  () => {
    for (const file of globSync('dist/**/*.js', { cwd: root }))
      assert.doesNotMatch(readFileSync(join(root, file), 'utf8'), /[^\0-\x7f]/, file)
  },
)
