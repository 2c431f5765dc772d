// Has an heir, says who it is, and waits; `exit` as argument: ends of itself.
import { openSync } from 'node:fs'

import { libc } from '../../src/sys/libc.ts'
import { startMemoryHeir } from '../../src/sys/memory-heir.ts'

const library = libc().libc!
openSync('/dev/null', 'r')
process.on('SIGUSR2', () => console.log('got SIGUSR2'))
console.log(`heir ${startMemoryHeir(library)}`)
if (process.argv[2] !== 'exit') setInterval(() => {}, 1000)
