// What documents tell people to type is typed: in a copy of deploy/, against a daemon on this machine and a
// kubectl that knows the manifests.
import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { requireTools } from '../helpers/debian.ts'
import { writePrograms } from '../helpers/documents/programs.ts'
import { startDnslet } from '../helpers/dnslet.ts'
import { temporaryFolder } from '../helpers/nsd.ts'
import { freePort } from '../helpers/ports.ts'
import type { Owner } from '../helpers/processes.ts'

const root = join(import.meta.dirname, '../..')
const PAGES = ['five-seconds', 'migration', 'security', 'sizing']

/** The `sh` blocks of a page as one script, which notes the line of the block it is in. */
function scriptOf(page: string): string {
  const text = readFileSync(join(root, page), 'utf8')
  const blocks = [...text.matchAll(/^```sh\n([^]*?)^```$/gm)].map(({ 1: body = '', index }) => {
    const line = text.slice(0, index).split('\n').length + 1
    return `echo ${line} > "$AT"\n${body}`
  })
  assert.ok(blocks.length > 0, `${page} has no commands`)
  return blocks.join('\n')
}

/**
 * Runs it as a person would that stops at the first mistake; what was printed, with where it failed. Several
 * may run at once in one folder: each notes its line in a file of its own.
 */
function type(script: string, folder: string, programs: string): Promise<string> {
  const at = join(mkdtempSync(join(folder, '.typed-')), 'line')
  const env = { ...process.env, PATH: `${programs}:${process.env['PATH'] ?? ''}`, AT: at }
  const args = ['-euo', 'pipefail', '-c', script]
  return new Promise((resolve, reject) => {
    execFile('bash', args, { cwd: folder, env, timeout: 60_000 }, (error, out, err) => {
      if (error === null) resolve(out)
      else reject(new Error(`line ${readFileSync(at, 'utf8').trim()}: ${out}${err}`))
    })
  })
}

async function startStage(t: Owner): Promise<string> {
  const [port, metricsPort] = [await freePort('127.0.0.1'), await freePort('127.0.0.1')]
  const corefile = `.:${port} {
    bind 127.0.0.1 127.0.0.2
    prometheus 127.0.0.1:${metricsPort}
    cache
    hosts {
        10.96.0.1 kubernetes.default.svc.cluster.local
    }
}`
  const name = 'kubernetes.default.svc.cluster.local'
  const daemon = await startDnslet(t, corefile, { ready: { address: '127.0.0.1', port, name } })
  const folder = join(daemon.folder, 'programs')
  mkdirSync(folder)
  const conntrack = spawnSync('sh', ['-c', 'conntrack -S && sysctl net.netfilter.nf_conntrack_max'])
  const hasConntrack = conntrack.status === 0
  const stateDirectory = join(daemon.folder, 'state')
  await writePrograms(t, { folder, port, metricsPort, stateDirectory, hasConntrack })
  return folder
}

test('commands in documents work', { skip: requireTools('dig', 'curl') }, async (t) => {
  const programs = await startStage(t)
  for (const page of PAGES) {
    await t.test(`docs/${page}.md`, async (inner) => {
      const folder = join(temporaryFolder(inner), 'deploy')
      cpSync(join(root, 'deploy'), folder, { recursive: true })
      await type(scriptOf(`docs/${page}.md`), folder, programs)
      if (page !== 'five-seconds') return
      const report = readFileSync(join(folder, 'report.html'), 'utf8')
      assert.match(report, /<h1>None of [\d,]+ look-ups took 5 s or more/)
    })
  }

  await t.test('and those that would not are found', async (inner) => {
    const folder = join(temporaryFolder(inner), 'deploy')
    cpSync(join(root, 'deploy'), folder, { recursive: true })
    const found = (command: string): Promise<void> =>
      assert.rejects(type(`echo 7 > "$AT"\n${command}`, folder, programs), /^Error: line 7: /)
    await Promise.all(
      [
        'kubectl apply -f absent.yaml',
        'kubectl -n kube-system rollout status daemonset node-local-dn',
        'kubectl rollout status daemonset node-local-dns',
        'kubectl -n kube-system get pods -l k8s-app=node-local',
        'kubectl -n kube-system get configmap node-local-dns -o jsonpath={.data.Corefil} | cat',
        'kubectl -n kube-system exec daemonset/node-local-dns -- cat /opt/dnslet/absent',
        'kubectl get pods --unknown',
        'dnslet bench -hots kubernetes.default.svc.cluster.local',
        'dig @169.254.20.10 absent.cluster.local',
        'curl -s http://192.0.2.10:9253/metrics | grep ^dnslet_absent',
      ].map(found),
    )
  })
})
