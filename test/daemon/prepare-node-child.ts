// `node prepare-node-child.ts address`: what prepareNode() says of port 53 there.
import { prepareNode } from '../../src/daemon/intercept.ts'
import { parseArgs } from '../../src/daemon/options.ts'

const command = parseArgs(['-localip', process.argv[2]!])
if (command.kind === 'serve') {
  try {
    prepareNode(command.options, false)
    console.log('free')
  } catch (error) {
    console.log((error as Error).message)
  }
}
