// `node prepare-node-child.ts address`: what prepareNode() says of port 53 there.
import { prepareNode } from '../../src/node/prepare-node.ts'
import { parseArgs } from '../../src/options/options.ts'
import { nullLog } from '../helpers/null-log.ts'

const command = parseArgs(['-localip', process.argv[2]!])
if (command.kind === 'serve') {
  const { options } = command
  try {
    await prepareNode({ options, log: nullLog, found: 'nobody' })
    console.log('free')
  } catch (error) {
    console.log((error as Error).message)
  }
}
