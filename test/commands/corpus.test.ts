// `check` of every deployment of test/corpus/deployments: what node-cache starts with is accepted, with
// the warnings that the deployment names and no others; what it refuses is refused.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'

import { check } from '../../src/commands/check.ts'
import { render } from '../../src/source/template/render.ts'
import {
  type Deployment,
  flag,
  localIps,
  readDeployments,
  TEMPLATE,
  writeFiles,
} from '../helpers/deployments/deployment.ts'
import { temporaryFolder } from '../helpers/nsd.ts'

describe('check of', () => {
  for (const deployment of readDeployments()) {
    const { name, refused, warns } = deployment
    test(`${name} ${refused === null ? 'accepts it' : 'refuses it'}`, async (t) => {
      const said = t.mock.method(process.stderr, 'write', () => true)
      const { folder, corefile } = write(t, deployment)
      const checked = check(corefile, 53, { name: 'nodelocaldns', addresses: localIps(deployment) })
      if (refused === null) assert.match(await checked, /^\S+ is valid: /)
      else await assert.rejects(checked, (error: Error) => error.message.includes(refused))
      const lines = said.mock.calls.map(({ arguments: [line] }) => String(line).trimEnd())
      const warnings = lines.map((line) => line.replaceAll(folder, ''))
      assert.deepEqual(warnings, warns)
    })
  }
})

/** Writes its files into a folder, where they find each other, and what a template stands for as -conf. */
function write(t: TestContext, deployment: Deployment): { folder: string; corefile: string } {
  const { args, files, service } = deployment
  const folder = temporaryFolder(t)
  const conf = flag(args, 'conf')!
  const all = {
    ...files,
    ...(files[TEMPLATE] === undefined ? {} : { [conf]: rendered(deployment) }),
  }
  const moved = Object.entries(all).map(([path, text]) => [
    path,
    text.replaceAll(/(?<=[\s])\/(?=etc\/)/g, `${folder}/`),
  ])
  writeFiles(folder, Object.fromEntries(moved))
  return { folder, corefile: join(folder, conf) }

  function rendered({ args: given }: Deployment): string {
    return render(files[TEMPLATE]!, {
      localIps: localIps(deployment),
      upstream: service,
      upstreamServers: JSON.parse(files['/etc/kube-dns/upstreamNameservers'] ?? '[]') as string[],
      prometheus: flag(given, 'prometheus-listen-address') ?? ':9253',
    })
  }
}
