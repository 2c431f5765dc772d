import assert from 'node:assert/strict'
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { watchDirectory, watchFile } from '../../src/source/watch-directory.ts'
import { temporaryFolder } from '../helpers/nsd.ts'

/** Watches `path`; the result resolves at the next change, and rejects after 20 s. */
function watched(t: TestContext, path: string): () => Promise<void> {
  let changed = (): void => {}
  const stop = watchFile(path, () => changed())
  t.after(stop)
  return () =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('no change was seen')), 20_000)
      changed = () => {
        clearTimeout(timer)
        resolve()
      }
    })
}

test('a file that is written, replaced, or removed and made again has changed', async (t) => {
  const folder = temporaryFolder(t)
  const path = join(folder, 'Corefile')
  writeFileSync(path, 'a')
  const change = watched(t, path)

  for (const act of [
    () => writeFileSync(path, 'b'),
    () => {
      writeFileSync(join(folder, 'new'), 'c')
      renameSync(join(folder, 'new'), path)
    },
    () => rmSync(path),
    () => writeFileSync(path, 'd'),
  ]) {
    const seen = change()
    act()
    await seen
  }
})

test('the way Kubernetes swaps a ConfigMap is a change', async (t) => {
  const folder = temporaryFolder(t)
  const version = (name: string, text: string): void => {
    mkdirSync(join(folder, name))
    writeFileSync(join(folder, name, 'Corefile'), text)
    symlinkSync(name, join(folder, '..data_tmp'))
    renameSync(join(folder, '..data_tmp'), join(folder, '..data'))
  }
  version('..1', 'a')
  symlinkSync('..data/Corefile', join(folder, 'Corefile'))
  const change = watched(t, join(folder, 'Corefile'))
  for (const name of ['..2', '..3']) {
    const seen = change()
    version(name, name)
    await seen
  }
})

test('other files of the directory do not matter', async (t) => {
  const folder = temporaryFolder(t)
  const path = join(folder, 'Corefile')
  let changes = 0
  t.after(watchFile(path, () => changes++))
  const last = watched(t, path)()
  writeFileSync(join(folder, 'Corefile.swp'), 'x')
  writeFileSync(join(folder, 'other'), 'x')
  assert.equal(changes, 0)
  symlinkSync('nowhere', path)
  await last
  assert.equal(changes, 1)
})

test('a watched directory tells of every file by name', async (t) => {
  const folder = temporaryFolder(t)
  const names: (string | null)[] = []
  await new Promise<void>((resolve) => {
    const stop = watchDirectory(folder, (name) => {
      names.push(name)
      if (names.includes('a') && names.includes('b')) resolve()
    })
    t.after(stop)
    writeFileSync(join(folder, 'a'), '')
    writeFileSync(join(folder, 'b'), '')
  })
})

test('after the end nothing is told', async (t) => {
  const path = join(temporaryFolder(t), 'Corefile')
  const stop = watchFile(path, () => assert.fail('told'))
  const change = watched(t, path)()
  stop()
  writeFileSync(path, 'x')
  await change
})

test('a directory that does not exist is not watched, and nobody minds', () => {
  watchFile('/nonexistent/dir/Corefile', () => {})()
})
