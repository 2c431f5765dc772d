// Serves the Corefile named first as on a node, and prints what it finds out about itself.
import { createSocket } from 'node:dgram'
import { setTimeout as delay } from 'node:timers/promises'
import { openDaemon } from '../../src/daemon/open.ts'
import { knownDirectives } from '../../src/plugins/index.ts'
import { CorefileSource } from '../../src/source/corefile-source.ts'
import { Descriptors } from '../../src/sys/descriptors.ts'
import { nullLog } from '../helpers/null-log.ts'

const [corefile = '', health = ''] = process.argv.slice(2)
const said = new Map<string, string>()

/** Prints `what: text`, unless it is what was printed last. */
function say(what: string, text: string | null): void {
  if (said.get(what) === text) return
  said.set(what, String(text))
  process.stdout.write(`${what}: ${text}\n`)
}

/** An upstream that knows no name. */
const upstream = createSocket('udp4')
upstream.on('message', (query, { port, address }) => {
  query.writeUInt16BE(0x8183, 2)
  upstream.send(query, port, address)
})
upstream.bind(5301, '127.0.0.1')

const daemon = await openDaemon({
  source: new CorefileSource(corefile, { directives: knownDirectives, env: {}, warn: () => {} }),
  port: 53,
  log: nullLog,
  fatal: (message) => say('fatal', message),
  descriptors: new Descriptors({ onNode: ['169.254.20.10'] }),
})
say('query', await daemon.selfQuery('a.test.'))
for (;;) {
  say('check', await daemon.selfCheck())
  const answer = await fetch(health).then(
    ({ status }) => String(status),
    () => 'none',
  )
  say('health', answer)
  await delay(100)
}
