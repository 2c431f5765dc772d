// Row 17: deploy/seccomp/dnslet.json, narrower than the runtime's default, is enough for a whole life on a
// node, and for no more.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { constants } from 'node:os'
import { describe, test } from 'node:test'

import { bin } from '../helpers/dnslet.ts'
import { addresses, LINK_LOCAL } from '../helpers/node-model/addresses.ts'
import { requireNodeModel } from '../helpers/node-model/needs.ts'
import { type NodeDnslet, NodeModel, type StartDnslet } from '../helpers/node-model/node-model.ts'
import { officialCorefile } from '../helpers/node-model/official-corefile.ts'
import { waitUntil } from '../helpers/processes.ts'
import { confinedDnslet, underProfile } from '../helpers/seccomp/confined-program.ts'
import { libseccomp } from '../helpers/seccomp/libseccomp.ts'
import { readProfile, type SeccompProfile } from '../helpers/seccomp/profile.ts'

const VIP = addresses.ipv4.kubeDns
const profile = readProfile()
const { defaultErrnoRet: _, ...forOperator } = profile
/** As it is, and as the Security Profiles Operator writes it, which knows no errno of the default action. */
const variants: readonly (readonly [what: string, errno: number, profile: SeccompProfile])[] = [
  ['as it is', constants.errno.ENOSYS, profile],
  ['as the operator writes it', constants.errno.EPERM, forOperator],
]
const missing = libseccomp() === null && 'needs libseccomp.so.2'

/** What root of a container would try, and what kernels had faults in. */
const refused = [
  'add_key,bpf,chroot,clock_settime,clone,delete_module,fanotify_init,finit_module,init_module,io_setup',
  'io_uring_setup,kcmp,kexec_load,keyctl,mknodat,mount,move_mount,name_to_handle_at,open_by_handle_at',
  'open_tree,perf_event_open,personality,pivot_root,process_vm_readv,process_vm_writev,ptrace,reboot',
  'request_key,sethostname,setns,settimeofday,swapon,syslog,umount2,unshare,userfaultfd,vmsplice',
  'socket:15,socket:17,socket:38,socket:40',
].flatMap((line) => line.split(','))

const tryCalls = join(import.meta.dirname, '../helpers/seccomp/try-calls-main.ts')

/** The errno of each call, made by a child. */
function errnos(before: readonly string[]): Record<string, number | null> {
  const [program = '', ...args] = [...before, process.execPath, tryCalls, ...refused]
  return JSON.parse(execFileSync(program, args, { encoding: 'utf8' })) as Record<string, number>
}

describe('what no name server needs is refused, not killed for', { skip: missing }, () => {
  const free = missing === false ? errnos(['env']) : {}
  for (const [what, errno, one] of variants) {
    test(what, (t) => {
      const confined = errnos(underProfile(t, one))
      let proved = 0
      for (const call of refused) {
        // Those that programs try in order to know the kernel never look forbidden.
        const expected = call.startsWith('io_uring') ? constants.errno.ENOSYS : errno
        if (free[call] === null) continue
        assert.equal(confined[call], expected, call)
        // Else this kernel, or this root, gives the same answer anyhow.
        if (free[call] !== expected) proved++
      }
      t.diagnostic(`${proved} of ${refused.length} are answered otherwise without the profile`)
      assert.ok(proved > refused.length / 2)
    })
  }

  test('errors are all that it answers with, and the document has its size', () => {
    const allowing = profile.syscalls.filter(({ action }) => action === 'SCMP_ACT_ALLOW')
    const { size } = new Set(allowing.flatMap(({ names }) => names))
    const document = readFileSync(join(import.meta.dirname, '../../deploy/README.md'), 'utf8')
    assert.ok(document.includes(`allows ${size} system calls instead of`), `${size}`)
    assert.equal(profile.defaultAction, 'SCMP_ACT_ERRNO')
    const actions = new Set(profile.syscalls.map(({ action }) => action))
    assert.deepEqual([...actions], ['SCMP_ACT_ALLOW', 'SCMP_ACT_ERRNO'])
  })
})

const skip = missing === false ? requireNodeModel() : missing

describe('a whole life under the profile', { skip }, () => {
  for (const [i, [what, , one]] of variants.entries()) {
    const kubeProxy = (['nftables', 'iptables-legacy'] as const)[i]!
    test(`${what}, beside ${kubeProxy}`, async (t) => {
      const model = await NodeModel.create(t, { kubeProxy })
      const program = confinedDnslet(t, one)
      const first = await startConfined(model, program)
      await assertServes(model)
      await reload(first)
      await assertServes(model)

      const second = await startConfined(model, program)
      await waitUntil('the old one to leave', () => first.ended() !== null, second, 30)
      assert.equal(first.ended(), 0, first.output())
      assert.match(second.output(), /Took over from process/)
      await assertServes(model)

      process.kill(second.pid, 'SIGTERM')
      await waitUntil('its end', () => second.ended() !== null, undefined, 20)
      assert.equal(second.ended(), 0, second.output())
      await model.untilKubeDnsAnswers('pod', VIP)
      for (const daemon of [first, second]) assertNothingMissed(daemon.output())
      await cleanUp(model, program)
    })
  }

  test('`dnslet check` says the same as without it', async (t) => {
    const model = await NodeModel.create(t, { kubeDns: 'none' })
    const file = join(model.folder, 'Corefile')
    writeFileSync(file, 'a.test {\n  forward . 192.0.2.1\n  cache 30\n}\n')
    const [confined, free] = [confinedDnslet(t, profile), bin].map((program) =>
      execFileSync(program, ['check', file], { encoding: 'utf8' }),
    )
    assert.match(free!, /a\.test/)
    assert.equal(confined, free)
  })
})

async function startConfined(model: NodeModel, program: string): Promise<NodeDnslet> {
  const options: StartDnslet = { program, ready: false }
  const dnslet = await model.startDnslet(undefined, options)
  const intercepts = (): boolean => /are intercepted/.test(dnslet.output())
  await waitUntil('it intercepts', intercepts, dnslet, 30)
  assert.match(readFileSync(`/proc/${dnslet.pid}/status`, 'utf8'), /^Seccomp:\t2$/m)
  return dnslet
}

async function assertServes(model: NodeModel): Promise<void> {
  for (const place of ['pod', 'node'] as const)
    for (const more of ['+notcp', '+tcp'])
      assert.equal(await model.whoAnswers(place, VIP, more), 'dnslet', `${place} ${more}`)
  // Of an upstream that is asked over UDP.
  const { output } = await model.exec('pod', ['dig', `@${VIP}`, '+tries=1', 'who.outside', 'TXT'])
  assert.match(output, /status: NOERROR/)
}

async function reload(dnslet: NodeDnslet): Promise<void> {
  writeFileSync(dnslet.base, `${officialCorefile(['ipv4'])}\n# another\n`)
  process.kill(dnslet.pid, 'SIGUSR1')
  const reloaded = (): boolean => dnslet.output().includes('Reloading complete')
  await waitUntil('the reload', reloaded, dnslet)
}

/** Nothing was done without, silently or not: no call was refused that mattered. */
function assertNothingMissed(output: string): void {
  assert.doesNotMatch(output, /EPERM|ENOSYS|EACCES|not permitted|not implemented/i)
  assert.match(output, /UDP sockets: batched/)
}

async function cleanUp(model: NodeModel, program: string): Promise<void> {
  const env = { ...process.env, DNSLET_STATE_DIR: model.stateFolder }
  const words = [program, 'cleanup', '-localip', `${LINK_LOCAL},${VIP}`]
  const cleanup = model.spawn('node', words, env)
  await waitUntil('the end of cleanup', () => cleanup.ended() !== null, undefined, 20)
  assert.equal(cleanup.ended(), 0, cleanup.output())
  assert.match(cleanup.output(), /There are no leftovers of dnslet or node-cache on this node\n/)
  const ruleset = await model.exec('node', ['nft', 'list', 'ruleset'])
  assert.doesNotMatch(ruleset.output, /dnslet|NodeLocal|169\.254\.20\.10/)
}
