// What goes into the image: bases that can be named by digest, and no package's install script.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

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
