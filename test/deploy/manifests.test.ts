// What is in deploy/ is valid: against the models of Kubernetes, with no field that they do not know, and
// against itself. The sed lines are those of deploy/README.md, run by sed.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, globSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'

import { check } from '../../src/commands/check.ts'
import { parseArgs } from '../../src/options/options.ts'
import { kustomize } from '../helpers/kustomize.ts'
import { type Manifest, parseManifests, problemsOf } from '../helpers/manifests.ts'
import { temporaryFolder } from '../helpers/nsd.ts'

process.chdir(join(import.meta.dirname, '../../deploy'))
process.env['NODE_IP'] = '192.0.2.10'

const values = { localdns: '169.254.20.10', domain: 'cluster.local', kubedns: '10.96.0.10' }
const [iptables = '', ipvs = ''] = [
  ...readFileSync('README.md', 'utf8').matchAll(/^sed .*nodelocaldns\.yaml$/gm),
].map(([line]) => line)

/** A file of deploy/ after one of the sed lines. */
function filled(t: TestContext, sedLine: string, file = 'nodelocaldns.yaml'): string {
  const folder = temporaryFolder(t)
  cpSync(file, join(folder, 'nodelocaldns.yaml'))
  const env = { ...process.env, ...values }
  execFileSync('sh', ['-euc', sedLine], { cwd: folder, env })
  return readFileSync(join(folder, 'nodelocaldns.yaml'), 'utf8')
}

interface Container {
  readonly name: string
  readonly image: string
  readonly args: readonly string[]
  readonly ports?: readonly unknown[]
  readonly securityContext: Record<string, unknown>
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[]
  readonly [probe: string]: unknown
}

interface PodSpec {
  readonly serviceAccountName: string
  readonly hostNetwork?: boolean
  readonly terminationGracePeriodSeconds: number
  readonly containers: readonly Container[]
  readonly volumes: readonly { readonly name: string }[]
}

interface DaemonSet extends Manifest {
  readonly spec: {
    readonly selector: { readonly matchLabels: Record<string, string> }
    readonly updateStrategy: { readonly rollingUpdate: Record<string, number> }
    readonly template: {
      readonly metadata: { readonly labels: Record<string, string> }
      readonly spec: PodSpec
    }
  }
}

function find<T extends Manifest = Manifest>(objects: readonly Manifest[], kind: string): T {
  const found = objects.filter((object) => object.kind === kind)
  assert.equal(found.length, 1, kind)
  return found[0] as T
}

function corefileOf(objects: readonly Manifest[]): string {
  return find<Manifest & { data: { Corefile: string } }>(objects, 'ConfigMap').data.Corefile
}

/** The Corefile as node-cache makes it from Corefile.base (spec/node-cache.md §5). */
function rendered(t: TestContext, objects: readonly Manifest[]): string {
  const { args } = find<DaemonSet>(objects, 'DaemonSet').spec.template.spec.containers[0]!
  const localIps = args[args.indexOf('-localip') + 1]!
  const resolvConf = join(temporaryFolder(t), 'resolv.conf')
  writeFileSync(resolvConf, 'nameserver 192.0.2.53\n')
  return corefileOf(objects)
    .replaceAll('__PILLAR__UPSTREAM__SERVERS__', resolvConf)
    .replaceAll('__PILLAR__CLUSTER__DNS__', '10.96.7.7')
    .replaceAll('__PILLAR__LOCAL__DNS__', localIps.replaceAll(',', ' '))
    .replaceAll('__PILLAR__DNS__SERVER__', '')
}

function checked(t: TestContext, corefile: string): Promise<string> {
  const file = join(temporaryFolder(t), 'Corefile')
  writeFileSync(file, corefile)
  return check(file, 53)
}

const listenersOf = (text: string): Set<string> =>
  new Set([...text.matchAll(/^ {2}listens on (.*)$/gm)].map(([, list = '']) => list))

describe('every file is valid, and has no field that Kubernetes does not know', () => {
  // Patches, and what promtool reads.
  const others = ['profile.yaml', 'sidecar.yaml', 'scrape-config.yaml']
  const yaml = globSync('**/*.{yaml,conf}').filter((file) => !others.includes(basename(file)))
  test('there are some', () => assert.ok(yaml.length >= 10))
  for (const file of yaml) {
    test(file, async (t) => {
      const objects = parseManifests(filled(t, iptables, file))
      assert.ok(objects.length > 0)
      for (const object of objects) assert.deepEqual(await problemsOf(object), [])
    })
  }

  test('a misspelt, a misplaced, a missing and a mistyped field are found', async () => {
    const problems = async (object: unknown): Promise<string> =>
      (await problemsOf(object as Manifest)).join('\n')
    const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'x' } }
    const ports = [{ port: 53 }]
    assert.equal(await problems({ ...service, spec: { ports } }), '')
    assert.equal(await problems({ ...service, ports }), '/ports is unknown')
    assert.equal(
      await problems({ ...service, spec: { ports: [{ port: 53, targetport: 53 }] } }),
      '/spec/ports/0/targetport is unknown',
    )
    assert.match(await problems({ ...service, spec: { ports: [{}] } }), /missingProperty":"port"/)
    assert.match(await problems({ ...service, spec: { ports: [{ port: 'x' }] } }), /integer/)
    assert.match(await problems({ apiVersion: 'v2', kind: 'Service' }), /no model of v2 Service/)
    const policy = parseManifests(readFileSync('cilium-lrp.yaml', 'utf8')).find(
      ({ kind }) => kind === 'CiliumLocalRedirectPolicy',
    )!
    assert.match(await problems({ ...policy, spek: {} }), /^\/spek is unknown$/)
    assert.match(await problems({ ...policy, spec: {} }), /redirectFrontend is no object/)
  })
})

describe('nodelocaldns.yaml', () => {
  test('has every placeholder of the official one', () => {
    const text = readFileSync('nodelocaldns.yaml', 'utf8')
    const names = [...text.matchAll(/__PILLAR__\w+?__(?=[^A-Z_]|$)/gm)].map(([name]) => name)
    assert.deepEqual(
      [...new Set(names)].toSorted(),
      ['CLUSTER__DNS', 'DNS__DOMAIN', 'DNS__SERVER', 'LOCAL__DNS', 'UPSTREAM__SERVERS'].map(
        (name) => `__PILLAR__${name}__`,
      ),
    )
  })

  test('listens on both addresses after the sed line for iptables mode', async (t) => {
    const text = filled(t, iptables)
    assert.deepEqual(
      new Set(text.match(/__PILLAR__\w+/g)),
      new Set(['__PILLAR__CLUSTER__DNS__', '__PILLAR__UPSTREAM__SERVERS__']),
    )
    const compiled = await checked(t, rendered(t, parseManifests(text)))
    assert.match(compiled, /is valid: 4 server blocks/)
    assert.deepEqual(listenersOf(compiled), new Set(['169.254.20.10:53 10.96.0.10:53']))
    assert.match(compiled, /10\.96\.7\.7:53/)
  })

  test('listens on the local address alone after the sed line for IPVS mode', async (t) => {
    const text = filled(t, ipvs)
    const objects = parseManifests(text)
    const compiled = await checked(t, rendered(t, objects))
    assert.deepEqual(listenersOf(compiled), new Set(['169.254.20.10:53']))
    assert.match(compiled, /10\.96\.0\.10:53/)
    assert.doesNotMatch(compiled, /10\.96\.7\.7/)
    const { args } = find<DaemonSet>(objects, 'DaemonSet').spec.template.spec.containers[0]!
    assert.equal(args[args.indexOf('-localip') + 1], '169.254.20.10')
  })

  test('no HTTP listener is open to every interface', (t) => {
    const corefile = rendered(t, parseManifests(filled(t, iptables)))
    const http = [...corefile.matchAll(/^ +(?:prometheus|health|ready) (\S+)/gm)].map(
      ([, address]) => address,
    )
    assert.deepEqual(
      new Set(http),
      new Set(['{$NODE_IP}:9253', '169.254.20.10:8080', '169.254.20.10:8181']),
    )
  })
})

describe('the pods', () => {
  const cases: readonly (readonly [file: string, sedLine: string])[] = [
    ['nodelocaldns.yaml', iptables],
    ['nodelocaldns.yaml', ipvs],
    ['cilium-lrp.yaml', iptables],
  ]
  const each = (
    title: string,
    judge: (set: DaemonSet, objects: readonly Manifest[], t: TestContext) => void,
  ): void => {
    for (const [i, [file, sedLine]] of cases.entries()) {
      test(`${title}: ${file}${i === 1 ? ' for IPVS' : ''}`, (t) => {
        const objects = parseManifests(filled(t, sedLine, file))
        judge(find<DaemonSet>(objects, 'DaemonSet'), objects, t)
      })
    }
  }

  each('arguments are ones that dnslet takes', ({ spec }) => {
    const command = parseArgs([...spec.template.spec.containers[0]!.args])
    assert.equal(command.kind, 'serve', JSON.stringify(command))
  })

  each('labels, account, volumes and mounts fit together', ({ spec }, objects) => {
    const { template, selector } = spec
    assert.deepEqual(template.metadata.labels, selector.matchLabels)
    const account = find(objects, 'ServiceAccount').metadata?.name
    assert.equal(template.spec.serviceAccountName, account)
    const mounted = new Set(
      template.spec.containers.flatMap((c) => c.volumeMounts).map(({ name }) => name),
    )
    assert.deepEqual(mounted, new Set(template.spec.volumes.map(({ name }) => name)))
  })

  each('what the daemon writes is mounted, the rest is read-only', ({ spec }) => {
    const { args, volumeMounts, securityContext } = spec.template.spec.containers[0]!
    const paths = volumeMounts.map(({ mountPath }) => mountPath)
    for (const flag of ['-conf', '-pidfile']) {
      const path = args[args.indexOf(flag) + 1]!
      assert.ok(
        paths.some((mount) => path.startsWith(`${mount}/`)),
        path,
      )
    }
    assert.ok(paths.includes('/run/dnslet'))
    assert.equal(securityContext['readOnlyRootFilesystem'], true)
    assert.equal(securityContext['allowPrivilegeEscalation'], false)
  })

  each('probes ask where health and ready listen', ({ spec }, objects, t) => {
    const corefile = rendered(t, objects)
    const container = spec.template.spec.containers[0]!
    for (const [probe, path] of [
      ['startupProbe', 'ready'],
      ['readinessProbe', 'ready'],
      ['livenessProbe', 'health'],
    ] as const) {
      const { httpGet } = container[probe] as {
        httpGet: { host?: string; path: string; port: number }
      }
      assert.equal(httpGet.path, `/${path}`)
      const address = `${httpGet.host ?? ''}:${httpGet.port}`
      assert.match(corefile, new RegExp(`^ +${path} ${address.replaceAll('.', '\\.')}\\b`, 'm'))
    }
  })

  each('a successor fits on the node beside the old pod', ({ spec }) => {
    assert.deepEqual(spec.updateStrategy.rollingUpdate, { maxSurge: 1, maxUnavailable: 0 })
    const { hostNetwork = false, containers } = spec.template.spec
    assert.equal(containers[0]!.ports === undefined, hostNetwork)
  })

  each('the grace period outlasts lameduck', ({ spec }, objects) => {
    const lameduck = Number(/lameduck (\d+)s/.exec(corefileOf(objects))?.[1])
    assert.ok(spec.template.spec.terminationGracePeriodSeconds >= 2 * lameduck + 10)
  })

  each('the image has the version of package.json', ({ spec }) => {
    const { version } = JSON.parse(readFileSync('../package.json', 'utf8')) as { version: string }
    assert.equal(spec.template.spec.containers[0]!.image, `dnslet:${version}`)
  })

  test('on the node: root with two capabilities', (t) => {
    const { spec } = find<DaemonSet>(parseManifests(filled(t, iptables)), 'DaemonSet')
    assert.deepEqual(spec.template.spec.containers[0]!.securityContext['capabilities'], {
      drop: ['ALL'],
      add: ['NET_ADMIN', 'NET_BIND_SERVICE'],
    })
  })

  test('with Cilium: nobody, without any, and the policy sends to its ports', async (t) => {
    const objects = parseManifests(filled(t, iptables, 'cilium-lrp.yaml'))
    const { spec } = find<DaemonSet>(objects, 'DaemonSet')
    const [{ securityContext, ports = [], args }] = spec.template.spec.containers as [Container]
    assert.deepEqual(securityContext['capabilities'], { drop: ['ALL'] })
    assert.ok(args.includes('-setupinterface=false') && args.includes('-setupiptables=false'))
    assert.equal(spec.template.spec.hostNetwork, undefined)
    const policy = find<Manifest & { spec: { redirectBackend: Record<string, unknown> } }>(
      objects,
      'CiliumLocalRedirectPolicy',
    ).spec.redirectBackend
    assert.deepEqual(policy['localEndpointSelector'], spec.selector)
    const named = (ports as { name: string; containerPort: number; protocol: string }[]).map(
      ({ name, containerPort, protocol }) => ({ port: String(containerPort), name, protocol }),
    )
    assert.deepEqual(
      policy['toPorts'],
      named.filter(({ name }) => name.startsWith('dns')),
    )
    assert.deepEqual(listenersOf(await checked(t, rendered(t, objects))), new Set(['0.0.0.0:53']))
  })
})

describe('cleanup.yaml', () => {
  test('cleans up after the daemon that the other manifest starts, as root of the node', (t) => {
    for (const sedLine of [iptables, ipvs]) {
      const daemon = find<DaemonSet>(parseManifests(filled(t, sedLine)), 'DaemonSet')
      const { spec } = find<DaemonSet>(
        parseManifests(filled(t, sedLine, 'cleanup.yaml')),
        'DaemonSet',
      )
      const { initContainers, hostNetwork, volumes } = spec.template.spec as PodSpec & {
        initContainers: readonly [Container]
      }
      const [{ args, image, securityContext, volumeMounts }] = initContainers
      const command = parseArgs(args)
      assert.ok(command.kind === 'cleanup', JSON.stringify(command))
      const served = daemon.spec.template.spec.containers[0]!
      const localIps = served.args[served.args.indexOf('-localip') + 1]!
      assert.deepEqual(command.options.addresses, localIps.split(','))
      assert.equal(command.options.interfaceName, 'nodelocaldns')
      assert.equal(image, served.image)
      assert.equal(hostNetwork, true)
      assert.deepEqual(securityContext['capabilities'], {
        drop: ['ALL'],
        add: ['NET_ADMIN', 'NET_RAW'],
      })
      assert.deepEqual(new Set(volumeMounts.map(({ name }) => name)), namesOf(volumes))
      assert.ok(volumeMounts.some(({ mountPath }) => mountPath === '/run/dnslet'))
      // It must not adopt, or be selected as, the daemon's pods.
      assert.notDeepEqual(spec.selector.matchLabels, daemon.spec.selector.matchLabels)
      assert.deepEqual(spec.selector.matchLabels, spec.template.metadata.labels)
    }
  })
})

const namesOf = (list: readonly { readonly name: string }[]): Set<string> =>
  new Set(list.map(({ name }) => name))

describe('kustomize', () => {
  test('base is nodelocaldns.yaml with the values of kubeadm', async (t) => {
    assert.equal(
      readFileSync('kustomize/base/nodelocaldns.yaml', 'utf8'),
      filled(t, iptables),
      'write it anew: the sed line of README.md on a copy of nodelocaldns.yaml',
    )
    const objects = await kustomize('kustomize/base')
    assert.deepEqual(objects, parseManifests(filled(t, iptables)))
  })

  test('seccomp changes nothing but the profile, to one that is here', async () => {
    const objects = await kustomize('kustomize/seccomp')
    const { spec } = find<DaemonSet>(objects, 'DaemonSet').spec.template
    const { securityContext } = spec as unknown as {
      securityContext: { seccompProfile: Record<string, string> }
    }
    const { type, localhostProfile = '' } = securityContext.seccompProfile
    assert.equal(type, 'Localhost')
    assert.ok(existsSync(join('seccomp', basename(localhostProfile))))
    assert.ok(readFileSync('README.md', 'utf8').includes(`localhostProfile: ${localhostProfile}\n`))
    securityContext.seccompProfile = { type: 'RuntimeDefault' }
    assert.deepEqual(objects, await kustomize('kustomize/base'))
  })

  test('untaint adds a container that alone has a token', async () => {
    const objects = await kustomize('kustomize/untaint')
    for (const object of objects) assert.deepEqual(await problemsOf(object), [])
    const { spec } = find<DaemonSet>(objects, 'DaemonSet').spec.template
    const holders = spec.containers.filter(({ volumeMounts }) =>
      volumeMounts.some(({ mountPath }) => mountPath.startsWith('/var/run/secrets/')),
    )
    assert.deepEqual(
      holders.map(({ name }) => name),
      ['untaint'],
    )
    const [first, second] = spec.containers
    assert.equal(second!.image, first!.image)
    const script = second!.args[0]!
    const [, words = ''] = /^\(\/usr\/local\/bin\/dnslet (.*?) && /m.exec(script) ?? []
    const command = parseArgs(words.split(' '))
    assert.equal(command.kind, 'untaint', JSON.stringify(command))
    const localIps = first!.args[first!.args.indexOf('-localip') + 1]
    assert.ok(words.includes(`-localip ${localIps}`), 'asks where the daemon listens')
    const binding = find<Manifest & { subjects: { name: string }[]; roleRef: { name: string } }>(
      objects,
      'ClusterRoleBinding',
    )
    assert.equal(binding.subjects[0]?.name, spec.serviceAccountName)
    assert.equal(binding.roleRef.name, find(objects, 'ClusterRole').metadata?.name)
  })

  test('monitoring adds what deploy/monitoring has, which watches the pods of each manifest', async (t) => {
    const added = await kustomize('monitoring')
    assert.deepEqual(await kustomize('kustomize/monitoring'), [
      ...(await kustomize('kustomize/base')),
      ...added,
    ])
    for (const object of added) assert.deepEqual(await problemsOf(object), [])
    assert.deepEqual(
      added.map(({ kind, metadata }) => `${kind} ${metadata?.namespace} ${metadata?.name}`),
      ['PodMonitor kube-system node-local-dns', 'PrometheusRule kube-system node-local-dns'],
    )
    const { spec: monitor } = find<PodMonitor>(added, 'PodMonitor')
    for (const file of ['nodelocaldns.yaml', 'cilium-lrp.yaml']) {
      const objects = parseManifests(filled(t, iptables, file))
      const { labels } = find<DaemonSet>(objects, 'DaemonSet').spec.template.metadata
      assert.deepEqual(labels, monitor.selector.matchLabels)
      assert.equal(labels[monitor.jobLabel], 'node-local-dns', 'the job of the rules')
      const { replacement } = monitor.podMetricsEndpoints[0].relabelings[1]!
      const [, port = ''] = /^\$1:(\d+)$/.exec(replacement ?? '') ?? []
      for (const [, listens] of corefileOf(objects).matchAll(/^ +prometheus \S*:(\d+)$/gm))
        assert.equal(listens, port)
    }
  })
})

interface PodMonitor extends Manifest {
  readonly spec: {
    readonly selector: { readonly matchLabels: Record<string, string> }
    readonly jobLabel: string
    readonly podMetricsEndpoints: readonly [
      { readonly relabelings: readonly { readonly replacement?: string }[] },
    ]
  }
}
