// Row 17: what goes into the image. Bases that can be named by digest, no package's install script, and
// signatures verified where that is possible.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { temporaryFolder } from '../helpers/nsd.ts'

const text = readFileSync(join(import.meta.dirname, '../../Dockerfile'), 'utf8')
const steps = text.replaceAll('\\\n', '').split('\n')

test('every base image is a build argument, with a default, before the first stage', () => {
  const bases = steps.filter((line) => line.startsWith('FROM '))
  assert.equal(bases.length, 3)
  const head = text.slice(0, text.indexOf('\nFROM '))
  for (const line of bases) {
    const name = /^FROM \$\{(\w+)\}/.exec(line)?.[1]
    assert.ok(name !== undefined && new RegExp(`^ARG ${name}=\\S+$`, 'm').test(head), line)
    assert.match(head, new RegExp(`--build-arg ${name}=\\w+@sha256:`))
  }
})

test('no package runs a script of its own, and the image checks that koffi loads', () => {
  const installs = steps.filter((line) => /npm (?:ci|install)/.test(line) && line.startsWith('RUN'))
  assert.equal(installs.length, 2)
  for (const line of installs) assert.match(line, /npm ci .*--ignore-scripts/)
  const last = steps.slice(steps.findLastIndex((line) => line.startsWith('FROM ')))
  assert.ok(last.some((line) => line.startsWith('RUN') && line.includes("require('koffi').load(")))
})

const AUDITED = 'audited 97 packages in 2s\n\n97 packages have verified registry signatures\n'
const TAMPERED = 'audited 97 packages in 2s\n\n1 package has an invalid registry signature:\n'

for (const [what, said, npmCode, code, last] of [
  ['all signed', AUDITED, 0, 0, /verified registry signatures$/],
  ['one tampered with', TAMPERED, 1, 1, /invalid registry signature:$/],
  ['no keys to be had', 'npm error code ENOTFOUND\n', 1, 0, /^NOT VERIFIED: .*exit code 1/m],
  ['nothing that could be audited', 'npm error found no dependencies\n', 1, 0, /^NOT VERIFIED: /m],
] as const) {
  test(`the gate looks at signatures: ${what}`, (t) => {
    const folder = temporaryFolder(t)
    writeFileSync(join(folder, 'said'), said)
    const npm = `#!/bin/sh\n[ "$1 $2" = "audit signatures" ] || exit 99\ncat ${folder}/said\nexit ${npmCode}\n`
    writeFileSync(join(folder, 'npm'), npm, { mode: 0o755 })
    const env = { ...process.env, PATH: `${folder}:${process.env['PATH']}` }
    const { status, stdout } = spawnSync(join(import.meta.dirname, '../../.ci/signatures'), {
      encoding: 'utf8',
      env,
    })
    assert.equal(status, code)
    assert.match(stdout.trimEnd(), last)
  })
}

test('the gate does look', () => {
  assert.match(
    readFileSync(join(import.meta.dirname, '../../.ci/run'), 'utf8'),
    /^\.ci\/signatures$/m,
  )
})
