import type { FileView } from '../../../host/readings/node-files.ts'
import type { Examination } from '../examination.ts'
import type { Facts } from '../facts.ts'
import { ok, type Said, unknown, warning } from '../finding.ts'

/** Devices and directories that dnslet needs or is better with. */
export const nodeFiles: Examination = {
  area: 'Node',
  where: 'node',
  ids: ['files', 'tun-missing', 'state-directory', 'state-not-mounted', 'xtables-lock'],
  examine(facts) {
    const said = [...tun(facts), ...state(facts), ...lock(facts)]
    if (said.length > 0) return said
    const { files } = facts
    const root =
      files.rootIsReadOnly === true ? ['the root file system is read-only, which is fine'] : []
    return [
      ok(
        'files',
        'devices and directories are there',
        [files.tun, files.stateDirectory]
          .filter(({ state: is }) => is === 'usable')
          .map(({ path }) => path)
          .join(', '),
        ...root,
      ),
    ]
  },
}

function tun({ files, daemon: { status }, rights }: Facts): readonly Said[] {
  // A dnslet that leaves the node alone needs none; and what is denied to a user need not be to a daemon.
  if ('value' in status && status.value.interception.state === 'none') return []
  const interfaceKind = 'value' in status ? status.value.interception.interface : ''
  const isFine = files.tun.state === 'usable' || (files.tun.state === 'denied' && !rights.isRoot)
  if (isFine && interfaceKind !== 'dummy' && interfaceKind !== 'lo') return []
  const uses =
    interfaceKind === '' || interfaceKind === 'none'
      ? []
      : [`the running dnslet uses ${interfaceKind}`]
  return [
    warning('tun-missing', `${files.tun.path} is not to be had`, {
      seen: [stateOf(files.tun), ...uses],
      meaning:
        'The interface is a dummy then, which outlives a killed dnslet (kube-dns answers after 3 s), or lo, ' +
        'past which the processes of the node go.',
      remedy: [
        'modprobe tun on the node',
        "mount the host's /dev/net/tun: deploy/README.md, Nodes without TUN",
      ],
    }),
  ]
}

function state({
  files: { stateDirectory, stateIsMounted },
  place,
  rights,
}: Facts): readonly Said[] {
  if (stateDirectory.state === 'denied' && !rights.isRoot) {
    return [
      unknown('state-directory', `the state directory ${stateDirectory.path} is not to be seen`, {
        seen: [stateOf(stateDirectory)],
        remedy: ['run doctor as root, or as the user that dnslet runs as'],
      }),
    ]
  }
  if (stateDirectory.state !== 'usable') {
    return [
      warning('state-directory', `the state directory ${stateDirectory.path} cannot be used`, {
        seen: [stateOf(stateDirectory)],
        meaning: 'No hand-over on updates, no last good Corefile after a restart, no admin socket.',
        remedy: [
          'mount the hostPath /run/dnslet (DirectoryOrCreate), mode 0700, of the user that dnslet runs as',
        ],
      }),
    ]
  }
  const inPod = place.signs.includes('KUBERNETES_SERVICE_HOST')
  if (!inPod || stateIsMounted !== false) return []
  return [
    warning('state-not-mounted', `${stateDirectory.path} is of the container, and goes with it`, {
      seen: ['no volume is mounted there'],
      meaning: 'No hand-over to the next pod, and no last good Corefile after a restart.',
      remedy: ['mount the hostPath /run/dnslet (DirectoryOrCreate) of the node there'],
    }),
  ]
}

function lock({ files: { xtablesLock }, rules }: Facts): readonly Said[] {
  const legacy = ('value' in rules.iptables ? rules.iptables.value : []).find(
    ({ backend }) => backend.kind === 'legacy',
  )
  if (xtablesLock.state === 'usable' || legacy === undefined || !legacy.hasServices) return []
  return [
    warning('xtables-lock', `${xtablesLock.path} is not to be had, and iptables-legacy is in use`, {
      seen: [stateOf(xtablesLock)],
      meaning: "dnslet takes a lock of its own then, which kube-proxy's changes do not wait for.",
      remedy: ['mount the hostPath /run/xtables.lock (FileOrCreate)'],
    }),
  ]
}

function stateOf({ path, state: is, detail }: FileView): string {
  if (is === 'absent') return `${path} does not exist here`
  return is === 'denied' ? `${path} may not be used (${detail})` : `${path}: ${detail || 'usable'}`
}
