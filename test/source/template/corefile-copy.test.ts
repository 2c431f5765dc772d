import assert from 'node:assert/strict'
import fs, {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { test } from 'node:test'
import { CorefileCopy } from '../../../src/source/template/corefile-copy.ts'
import { temporaryFolder } from '../../helpers/nsd.ts'

test('write() replaces the file in one step, and only where the text is new', (t) => {
  const folder = temporaryFolder(t)
  const path = join(folder, 'Corefile')
  writeFileSync(path, 'old')
  const { ino } = statSync(path)
  const copy = new CorefileCopy(path, null, '/base')
  assert.equal(copy.write('new'), true)
  assert.equal(readFileSync(path, 'utf8'), 'new')
  assert.notEqual(statSync(path).ino, ino, 'readers of the old one keep it')
  assert.equal(copy.write('new'), false)
  assert.deepEqual(readdirSync(folder), ['Corefile'], 'nothing is left beside it')
})

test('where nothing can be written the state directory takes it, or the caller is told', (t) => {
  const folder = temporaryFolder(t)
  // A directory in the file's place: nobody can write there, not even root.
  const path = join(folder, 'node-cache.conf')
  mkdirSync(path)
  assert.throws(() => new CorefileCopy(path, null, '/base').write('x'), /EISDIR/)
  const state = join(folder, 'state')
  mkdirSync(state)
  const copy = new CorefileCopy(path, state, '/base')
  assert.equal(copy.place, path)
  assert.equal(copy.write('x'), true)
  assert.equal(copy.place, join(state, 'Corefile'), 'a name of ours, that cleanup knows')
  assert.equal(readFileSync(copy.place, 'utf8'), 'x')
  assert.deepEqual(readdirSync(folder), ['node-cache.conf', 'state'])
})

test('on a full disk the old one stays whole', (t) => {
  const path = join(temporaryFolder(t), 'Corefile')
  writeFileSync(path, 'old')
  const full = t.mock.method(fs, 'writeFileSync', () => {
    throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
  })
  syncBuiltinESMExports()
  t.after(() => {
    full.mock.restore()
    syncBuiltinESMExports()
  })
  assert.throws(() => new CorefileCopy(path, null, '/base').write('new'), /ENOSPC/)
  assert.equal(readFileSync(path, 'utf8'), 'old')
})

test('a template stays what it is: the state directory takes what is made of it', (t) => {
  const folder = temporaryFolder(t)
  const path = join(folder, 'Corefile')
  writeFileSync(path, 'bind __PILLAR__LOCAL__DNS__')
  const state = join(folder, 'state')
  mkdirSync(state)
  const copy = new CorefileCopy(path, state, join(folder, 'state', '..', 'Corefile'))
  assert.equal(copy.write('bind 10.96.0.10'), true)
  assert.equal(copy.place, join(state, 'Corefile'))
  assert.equal(readFileSync(path, 'utf8'), 'bind __PILLAR__LOCAL__DNS__')
  assert.throws(
    () => new CorefileCopy(path, null, path).write('x'),
    /is what the Corefile is made of/,
  )
})

test(
  'a file that may be written in a directory that may not is written in place',
  { skip: process.getuid?.() === 0 && 'root may write everywhere' },
  (t) => {
    const folder = temporaryFolder(t)
    const path = join(folder, 'Corefile')
    writeFileSync(path, 'a longer old text')
    chmodSync(folder, 0o500)
    t.after(() => chmodSync(folder, 0o700))
    const copy = new CorefileCopy(path, null, '/base')
    copy.write('new')
    assert.equal(readFileSync(path, 'utf8'), 'new')
    assert.equal(copy.place, path)
  },
)
