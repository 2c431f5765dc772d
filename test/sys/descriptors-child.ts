// Run by descriptors.test.ts in a process of its own: opens a file on a node and prints the names of the
// threads that have it, before and after libuv has started its own.
import { existsSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'

import { Descriptors } from '../../src/sys/descriptors.ts'

if (process.argv[2] === 'late') await readFile('/proc/self/comm')
const node = new Descriptors({ onNode: [] })
const fd = openSync('/proc/self/stat', 'r')
const tasks = '/proc/self/task'

function holders(): string[] {
  const threads = readdirSync(tasks).filter((task) => existsSync(`${tasks}/${task}/fd/${fd}`))
  return threads.map((task) => readFileSync(`${tasks}/${task}/comm`, 'utf8').trimEnd()).toSorted()
}

const before = holders()
await readFile('/proc/self/comm')
const all = readdirSync(tasks).length
console.log(JSON.stringify({ before, after: holders(), all }))
node.close(fd)
