import type { Status } from '../../../admin/api.ts'
import { NEARLY_FULL } from '../../../admin/thresholds.ts'
import type { Examination } from '../examination.ts'
import type { DaemonFacts, DaemonProcess, Facts } from '../facts.ts'
import { few } from '../few.ts'
import { isStopped } from '../stopped.ts'
import { broken, ok, type Said, unknown, warning } from '../finding.ts'

const LOGS =
  'kubectl -n kube-system logs -l k8s-app=node-local-dns --tail=50   (on a node: its journal)'

/** Whether dnslet lives, answers us, and serves what it was told to. */
export const daemon: Examination = {
  area: 'Interception',
  where: 'both',
  ids: [
    'daemon',
    'daemon-missing',
    'daemon-frozen',
    'daemon-unasked',
    'daemon-not-ready',
    'daemon-last-good',
    'daemon-kube-dns',
    'daemon-memory',
    'two-daemons',
  ],
  examine(facts) {
    return [...life(facts), ...condition(facts.daemon), ...second(facts.daemon)]
  },
}

function life({ daemon: { status, processes }, addresses, place }: Facts): readonly Said[] {
  const stopped = processes.filter(isStopped)
  if (stopped.length > 0) return [frozen(stopped)]
  if ('value' in status) {
    const { version, pid, startedAt } = status.value
    return [ok('daemon', `dnslet ${version} is running`, `process ${pid}, since ${startedAt}`)]
  }
  // A pod has none, unless it is dnslet's own.
  if (place.kind === 'pod') return []
  if (processes.length === 0) return [missing(addresses, status.why)]
  return [
    unknown('daemon-unasked', 'dnslet is running, but cannot be asked', {
      seen: [...processes.map(nameOf), status.why],
      meaning:
        'What it alone knows is missing here: its state, its upstreams, and whether pods ask it.',
      remedy: [
        'run doctor as root, in the container of dnslet: kubectl exec, or nsenter -t PID -a',
        'or name its socket: --socket /run/dnslet/…/admin.sock',
      ],
    }),
  ]
}

function frozen(stopped: readonly DaemonProcess[]): Said {
  return broken('daemon-frozen', 'dnslet is stopped (SIGSTOP, a debugger or a frozen cgroup)', {
    seen: stopped.map((one) => `${nameOf(one)}: state ${one.state}`),
    meaning:
      'It answers nothing. Its lease runs out after 3 s and kube-dns answers; 169.254.20.10 is ' +
      'answered by known pods of kube-dns.',
    remedy: ['kill -CONT PID; where it was frozen for over 5 s it ends and kubelet starts it anew'],
  })
}

function missing(addresses: readonly string[], why: string): Said {
  const at = addresses.length === 0 ? '' : `; it was to serve ${few(addresses)}`
  return broken('daemon-missing', 'no dnslet intercepts on this node', {
    seen: [`no socket of a dnslet in this network namespace${at}`, why],
    meaning:
      'Pods are answered by kube-dns where their name server is its ClusterIP. Those that use ' +
      '169.254.20.10 are answered by known pods of kube-dns for an hour, then by nobody.',
    remedy: [
      'kubectl -n kube-system get pods -l k8s-app=node-local-dns -o wide',
      LOGS,
      'where it is gone for good: dnslet cleanup',
    ],
  })
}

function nameOf({ pid }: DaemonProcess): string {
  return pid === null ? 'a process that is not to be seen from here' : `process ${pid}`
}

function condition({ status }: DaemonFacts): readonly Said[] {
  if (!('value' in status)) return []
  const { notReady, corefile, errors, memory } = status.value
  const said: Said[] = []
  if (notReady.length > 0) {
    said.push(
      warning('daemon-not-ready', '/ready says no', {
        seen: notReady,
        meaning: 'A rolling update waits for this pod, and Services leave it out.',
        remedy: ['see the findings on interception and upstreams', LOGS],
      }),
    )
  }
  if (corefile.isLastGood || (corefile.refused ?? null) !== null)
    said.push(lastGood(corefile, errors))
  const refused = corefile.refusedKubeDns ?? null
  if (refused !== null) said.push(kubeDns(refused))
  const { limitBytes, rssBytes } = memory
  if ((limitBytes ?? null) !== null && rssBytes > NEARLY_FULL * limitBytes!) {
    const mib = (octets: number): string => `${Math.round(octets / 2 ** 20)} MiB`
    said.push(
      warning('daemon-memory', 'dnslet is near its memory limit', {
        seen: [`${mib(rssBytes)} of ${mib(limitBytes!)} in use`],
        meaning:
          'Beyond it the kernel ends the process, and kube-dns answers until kubelet starts it again.',
        remedy: [
          'raise resources.limits.memory of the DaemonSet: cache and heap follow it (docs/sizing.md)',
        ],
      }),
    )
  }
  return said
}

function lastGood({ path, loadedAt, refused }: Status['corefile'], errors: Status['errors']): Said {
  const logged = errors.filter(({ level }) => level !== 'warning').map(({ text }) => text)
  return broken(
    'daemon-last-good',
    'the configured Corefile is refused: the last good one is served',
    {
      seen: [
        ...(refused ? [`${refused.reason} (since ${refused.at})`] : logged.slice(0, 2)),
        `${path ?? 'standard input'}: what is served was loaded at ${loadedAt}`,
      ],
      meaning: 'Changes of the configuration have no effect until it can be loaded.',
      remedy: [
        `dnslet check ${path ?? 'stdin'}`,
        'repair it, or undo the change: it is loaded by itself, without a restart',
      ],
    },
  )
}

function kubeDns({
  at,
  isEarlierServed,
  reason,
}: NonNullable<Status['corefile']['refusedKubeDns']>): Said {
  const instead = isEarlierServed
    ? 'what was valid before is served'
    : 'the Corefile is served without stub domains and upstream servers of it'
  return broken('daemon-kube-dns', `the kube-dns ConfigMap is refused: ${instead}`, {
    seen: [`${reason} (since ${at})`],
    meaning: isEarlierServed
      ? 'Changes of it have no effect, and a dnslet that has no earlier one serves without it.'
      : 'Names of its stub domains are asked for elsewhere: most do not exist there.',
    remedy: [
      'kubectl -n kube-system get configmap kube-dns -o yaml',
      'repair the key, or undo the change: it is loaded by itself, without a restart',
    ],
  })
}

function second({ processes }: DaemonFacts): readonly Said[] {
  if (processes.length < 2) return []
  return [
    warning('two-daemons', `${processes.length} dnslets change the network of this node`, {
      seen: processes.map(nameOf),
      meaning:
        'During an update that is a hand-over. For good, each has a part of the queries, unless they ' +
        'serve other addresses.',
      remedy: ['kubectl get pods -A -o wide | grep -e node-local-dns -e nodelocaldns'],
    }),
  ]
}
