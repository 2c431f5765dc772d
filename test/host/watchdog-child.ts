// `node watchdog-child.ts hangs|works|stops`: what a process of that kind does with a watchdog of
// one second. Says "alive" and ends by itself after 1.5 s, if it can.
import { startWatchdog } from '../../src/host/watchdog.ts'
import { Beat } from '../../src/lib/beat.ts'
import { libc } from '../../src/sys/libc.ts'

// As main.ts has it before there is a watchdog.
process.on('SIGALRM', () => {})
const watchdog = startWatchdog(libc().libc!, new Beat(100), 1)
const [kind] = process.argv.slice(2)
if (kind === 'stops') watchdog.stop()
if (kind === 'works') setTimeout(() => console.log('alive'), 1500)
else {
  const end = kind === 'hangs' ? Infinity : performance.now() + 1500
  while (performance.now() < end);
  console.log('alive')
}
