// Every deployment of test/corpus/deployments, each on a node of its own: what node-cache starts with
// starts here, passes its probes and answers; what it refuses is refused.
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'

import { ask } from '../helpers/deployments/ask.ts'
import { type Deployment, readDeployments } from '../helpers/deployments/deployment.ts'
import { startDeployment } from '../helpers/deployments/start.ts'
import { startStandIns } from '../helpers/deployments/stand-ins.ts'
import { suiteOwner } from '../helpers/netns/suite-owner.ts'
import { requireNodeModel } from '../helpers/node-model/needs.ts'
import { enterOwnNetwork } from '../helpers/own-network.ts'
import { type Owner, type Running, waitUntil } from '../helpers/processes.ts'

const deployments = readDeployments()
const skip = requireNodeModel('bash', 'nsenter') || enterOwnNetwork() || false
let nodes = 0

describe('a deployment', { skip, concurrency: 4 }, () => {
  const suite = suiteOwner()
  before(() => startStandIns(suite, servers()))
  for (const deployment of deployments) {
    const { name, refused, ends, refusedFlags } = deployment
    const words = refused ?? ends
    if (words === null) test(`${name} serves`, (t) => serves(t, deployment))
    else
      test(`${name} ends`, async (t) => {
        const { process } = startDeployment(t, deployment, ++nodes)
        await ended(process)
        assert.equal(process.ended(), 1, process.output())
        await wrote(process, words)
      })
    if (refusedFlags !== null)
      test(`${name} is refused with its flags`, async (t) => {
        const { process } = startDeployment(t, deployment, ++nodes, refusedFlags)
        await ended(process)
        await wrote(process, 'flag provided but not defined: -')
      })
  }
})

/** All servers that answers come from. */
function servers(): string[] {
  const answers = deployments.flatMap((one) => Object.values(one.answers))
  const named = [...answers.join(' | ').matchAll(/(\S+) (?:udp|tcp)\b/g)]
  const found = named.map(([, address]) => address!)
  return [...new Set([...found, ...deployments.map(({ service }) => service)])]
}

async function serves(t: Owner, deployment: Deployment): Promise<void> {
  const started = startDeployment(t, deployment, ++nodes)
  const { process } = started
  await waitUntil('its start', () => process.output().includes('"msg":"dnslet-'), process, 30)
  const { answers, pages } = await ask(deployment, started)
  const wrong = Object.entries(answers).filter(
    ([line, reply]) => !deployment.answers[line]!.split(' | ').includes(reply),
  )
  assert.deepEqual(wrong, [], process.output())
  for (const probe of deployment.probes) assert.equal(pages[probe], '200', probe)
  for (const place of deployment.metrics) assert.equal(pages[`http://${place}/`], '404', place)
  assert.equal(process.ended(), null, process.output())
}

/** What a process has written may come after the word that it has ended. */
async function wrote(process: Running, words: string): Promise<void> {
  await waitUntil(`"${words}"`, () => process.output().includes(words))
}

async function ended(process: Running): Promise<void> {
  await waitUntil('its end', () => process.ended() !== null, undefined, 30)
}
