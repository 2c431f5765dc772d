// `node prepare-node-child.ts address`: what prepareNode() says of port 53 there.
import { parseArgs } from '../../src/options/options.ts'
import { prepareNode } from '../../src/node/prepare-node.ts'
import { libc } from '../../src/sys/libc.ts'
import { nullLog } from '../helpers/null-log.ts'

const command = parseArgs(['-localip', process.argv[2]!])
if (command.kind === 'serve') {
  const parts = { libc: libc().libc!, log: nullLog, inherits: false, runsBeside: false }
  try {
    await prepareNode(command.options, parts)
    console.log('free')
  } catch (error) {
    console.log((error as Error).message)
  }
}
