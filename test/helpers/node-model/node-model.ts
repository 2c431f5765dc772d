import { execFile, execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import { bin } from '../dnslet.ts'
import { writeNsdFiles } from '../nsd.ts'
import { type Owner, type Running, startProcess, waitUntil } from '../processes.ts'
import { type Family, LINK_LOCAL, addresses, clusterOf } from './addresses.ts'
import { IN_ORDER_PORT, kubeDnsZones, outsideZones, redirectTcp } from './kube-dns.ts'
import { type KubeProxy, kubeProxyLoads } from './kube-proxy.ts'
import { Namespaces, kubeDnsNames } from './namespaces.ts'
import { CAPPED_TTL, officialCorefile } from './official-corefile.ts'

/** A namespace of the model. `lan` is what lies beyond the node: its router and name server. */
export type Place = 'node' | 'pod' | 'lan' | `kube-dns-${number}`

export interface NodeModelOptions {
  readonly kubeProxy?: KubeProxy
  readonly families?: 'ipv4' | 'dual'
  readonly kubeDnsPods?: number
  /** What runs in the kube-dns pods; `none`: the test starts something itself. */
  readonly kubeDns?: 'in-order' | 'none'
  /** The name server of the LAN; `none`: the test starts one itself. */
  readonly lan?: 'nsd' | 'none'
}

export interface StartDnslet {
  /** Corefile.base; default: the official one. */
  readonly corefile?: string
  /** Where an earlier one had its files; default: a folder of its own. */
  readonly again?: NodeDnslet
  readonly env?: NodeJS.ProcessEnv
  /** False: do not wait until it answers. */
  readonly ready?: boolean
  /** Where it has to answer before this resolves; default: the address of kube-dns. */
  readonly server?: string
  /** Another `bin/dnslet` than this one. */
  readonly program?: string
  /** Put before the command, to start it in a cgroup or with fewer rights. */
  readonly wrapper?: readonly string[]
}

/** A dnslet on the node. */
export interface NodeDnslet extends Running {
  /** The Corefile.base it reads. */
  readonly base: string
  /** The Corefile it writes. */
  readonly conf: string
  readonly pidfile: string
}

/** What answers a kube-dns pod's clients over TCP. */
const kubeDnsMain = join(import.meta.dirname, 'kube-dns-main.ts')

/**
 * A Kubernetes node in network namespaces: node, pod, kube-dns pods, kube-proxy's rules for
 * kube-dns and kube-dns-upstream, and the LAN. A kube-dns pod is an nsd, with a server in front of it that
 * answers TCP as CoreDNS does; UDP, where CoreDNS has no manners of its own, needs nsd's speed. Needs root. Nothing outside its own namespaces is
 * touched but /etc/netns, by names of its own.
 */
export class NodeModel {
  readonly families: readonly Family[]
  /** For files of this model; DNSLET_STATE_DIR is `run` in it. Removed on close. */
  readonly folder: string
  readonly stateFolder: string
  /** The kube-dns pods' servers, of each pod nsd and what stands in front of it. */
  readonly kubeDns: readonly Running[]
  readonly #namespaces: Namespaces
  readonly #ends: (() => Promise<void> | void)[] = []
  /** What is started on the model ends with it, last started first ended. */
  readonly owner: Owner = { after: (fn) => void this.#ends.unshift(fn) }

  private constructor({ families = 'ipv4', kubeDnsPods = 2, ...options }: NodeModelOptions) {
    this.families = families === 'dual' ? ['ipv4', 'ipv6'] : ['ipv4']
    this.folder = mkdtempSync(join(tmpdir(), 'dnslet-model-'))
    this.stateFolder = join(this.folder, 'run')
    mkdirSync(this.stateFolder, { mode: 0o700 })
    this.owner.after(() => rmSync(this.folder, { recursive: true, force: true }))
    this.#namespaces = new Namespaces({ families: this.families, kubeDnsPods })
    this.owner.after(() => this.#namespaces.remove())
    const clusters = this.families.map((family) => clusterOf(family, kubeDnsPods))
    for (const { argv, input } of kubeProxyLoads(options.kubeProxy ?? 'iptables', clusters)) {
      this.load(argv, input)
    }
    if (options.lan !== 'none') {
      this.#startNsd('lan', (family) => addresses[family].lan, outsideZones)
    }
    const pods = options.kubeDns === 'none' ? 0 : kubeDnsPods
    this.kubeDns = kubeDnsNames(pods).flatMap((place, index) =>
      this.#startKubeDns(place as Place, index, kubeDnsPods),
    )
  }

  /** Builds a model, some 0.3 s; resolves once its name servers listen. Its owner's end closes it. */
  static async create(owner: Owner, options: NodeModelOptions = {}): Promise<NodeModel> {
    const model = new NodeModel(options)
    owner.after(() => model.close())
    const ready = (server: Running): boolean =>
      listens(server.pid, 'udp', 53) && listens(server.pid, 'tcp', IN_ORDER_PORT)
    await Promise.all(
      model.kubeDns.map((server) => waitUntil('kube-dns', () => ready(server), server)),
    )
    return model
  }

  /** Ends what runs on the model and removes it; may be called twice. */
  async close(): Promise<void> {
    for (let end = this.#ends.shift(); end !== undefined; end = this.#ends.shift()) await end()
  }

  /** Runs a program in a namespace to its end, ten seconds at most; what it printed, whatever its exit code. */
  exec(place: Place, argv: readonly string[]): Promise<{ code: number; output: string }> {
    return new Promise((resolve, reject) => {
      const limits = { timeout: 60_000, maxBuffer: 1 << 24 }
      execFile('ip', this.#inside(place, argv), limits, (error, stdout, stderr) => {
        const code = error === null ? 0 : error.code
        if (typeof code === 'number') resolve({ code, output: stdout + stderr })
        else reject(error ?? new Error('no exit code'))
      })
    })
  }

  /** Starts a program in a namespace; it ends with the model at the latest. */
  spawn(place: Place, argv: readonly string[], env: NodeJS.ProcessEnv = process.env): Running {
    return startProcess(this.owner, 'ip', this.#inside(place, argv), env)
  }

  /** Feeds a program on the node, such as `nft -f -`. Throws with what it printed. */
  load(argv: readonly string[], input: string): void {
    this.#load('node', argv, input)
  }

  #load(place: Place, argv: readonly string[], input: string): void {
    execFileSync('ip', this.#inside(place, argv), { input, encoding: 'utf8', stdio: 'pipe' })
  }

  /** node-cache's arguments as the official manifest has them, interface and rules included. */
  nodeCacheArgs(): string[] {
    const kubeDns = this.families.map((family) => addresses[family].kubeDns)
    const localIp = [LINK_LOCAL, ...kubeDns].join(',')
    const setup = ['-setupinterface=true', '-setupiptables=true']
    return ['-localip', localIp, ...setup, '-upstreamsvc', 'kube-dns-upstream']
  }

  /**
   * Starts bin/dnslet on the node, as the manifest would: `-basecorefile`, `-conf` and `-pidfile`
   * in a folder of its own, the state folder shared by all of the model. Resolves once
   * who.cluster.local is answered by dnslet.
   */
  async startDnslet(
    args: readonly string[] = this.nodeCacheArgs(),
    options: StartDnslet = {},
  ): Promise<NodeDnslet> {
    const { again } = options
    const folder =
      again === undefined ? mkdtempSync(join(this.folder, 'dnslet-')) : dirname(again.base)
    const files = {
      base: join(folder, 'Corefile.base'),
      conf: join(folder, 'Corefile'),
      pidfile: join(folder, 'node-cache.pid'),
    }
    const corefile = options.corefile ?? officialCorefile(this.families)
    writeFileSync(files.base, corefile)
    // Until the daemon writes it from the template; a daemon that makes none reads this.
    writeFileSync(files.conf, corefile)
    const paths = ['-basecorefile', files.base, '-conf', files.conf, '-pidfile', files.pidfile]
    const inside = ['ip', ...this.#inside('node', [options.program ?? bin, ...args, ...paths])]
    const [command = '', ...more] = [...(options.wrapper ?? []), ...inside]
    const running = startProcess(this.owner, command, more, {
      ...process.env,
      KUBE_DNS_SERVICE_HOST: addresses.ipv4.kubeDns,
      KUBE_DNS_SERVICE_PORT: '53',
      KUBE_DNS_UPSTREAM_SERVICE_HOST: addresses.ipv4.upstream,
      DNSLET_STATE_DIR: this.stateFolder,
      ...options.env,
    })
    if (options.ready !== false) {
      const server = options.server ?? addresses.ipv4.kubeDns
      await waitUntil(
        'dnslet',
        async () => (await this.whoAnswers('node', server)) === 'dnslet',
        running,
      )
    }
    return Object.assign(running, files)
  }

  /**
   * Asks for who.cluster.local once, UDP unless `more` says `+tcp`. `dnslet` where the TTL is what
   * the official Corefile caps it at, else the pod's name; null where nobody answers in a second.
   */
  async whoAnswers(place: Place, server: string, ...more: string[]): Promise<string | null> {
    const [answer] = await this.askWho(place, server, ['who'], ...more)
    if (answer === undefined) return null
    return answer.ttl <= CAPPED_TTL ? 'dnslet' : answer.pod
  }

  /** Resolves once a pod of kube-dns answers, over UDP; rejects after ten seconds. */
  async untilKubeDnsAnswers(place: Place, server: string): Promise<void> {
    await waitUntil('kube-dns to answer', async () => {
      return (await this.whoAnswers(place, server))?.startsWith('kube-dns') === true
    })
  }

  /**
   * Asks for names of cluster.local that each pod answers with its own name (`who`, and all below
   * it), each once: what was answered, and by which pod in the first place.
   */
  async askWho(
    place: Place,
    server: string,
    names: readonly string[],
    ...more: string[]
  ): Promise<{ name: string; ttl: number; pod: string }[]> {
    const limits = ['+time=1', '+tries=1', '+noall', '+answer']
    const questions = names.flatMap((name) => [`${name}.cluster.local`, 'TXT', ...limits, ...more])
    const { output } = await this.exec(place, ['dig', `@${server}`, ...questions])
    return [...output.matchAll(/^(\S+)\s+(\d+)\s+IN\s+TXT\s+"(.*)"$/gm)].map(
      ([, name = '', ttl, pod = '']) => ({ name, ttl: Number(ttl), pod }),
    )
  }

  #inside(place: Place, argv: readonly string[]): string[] {
    return ['netns', 'exec', this.#namespaces.nameOf(place), ...argv]
  }

  #startKubeDns(place: Place, index: number, pods: number): Running[] {
    const addressOf = (family: Family): string => addresses[family].kubeDnsPod(index)
    const nsd = this.#startNsd(place, addressOf, kubeDnsZones(index, pods, this.families))
    this.#load(place, ['nft', '-f', '-'], redirectTcp)
    const argv = [process.execPath, kubeDnsMain, String(IN_ORDER_PORT)]
    return [nsd, this.spawn(place, [...argv, ...this.families.map(addressOf)])]
  }

  #startNsd(
    place: Place,
    address: (family: Family) => string,
    zones: Readonly<Record<string, string>>,
  ): Running {
    const folder = mkdtempSync(join(this.folder, `${place}-`))
    const listen = this.families.map((family) => `${address(family)}@53`)
    return this.spawn(place, ['nsd', '-d', '-c', writeNsdFiles(folder, listen, zones)])
  }
}

/** Whether something in the network namespace of this process is bound to a port. */
function listens(pid: number, protocol: 'udp' | 'tcp', port: number): boolean {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')} `
  return ['', '6'].some((family) => {
    try {
      return readFileSync(`/proc/${pid}/net/${protocol}${family}`, 'utf8').includes(local)
    } catch {
      // It has only just been started.
      return false
    }
  })
}
