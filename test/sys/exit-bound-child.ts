// `node exit-bound-child.ts hangs|ends`: a process whose exit takes for ever, or does not, with a bound of one second.
import { boundExit } from '../../src/sys/exit-bound.ts'
import { libc } from '../../src/sys/libc.ts'

// As main.ts has it before there is a watchdog.
process.on('SIGALRM', () => {})
boundExit(libc().libc!, 1)
if (process.argv[2] === 'hangs')
  process.on('exit', () => {
    for (;;);
  })
process.exit(0)
