import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { nodeFiles } from '../corefile/files.ts'
import { parseKeys } from '../corefile/keys.ts'
import { parse } from '../corefile/parse.ts'
import { setupErrors } from '../host/setup-errors.ts'
import { DnsletError, reasonOf } from '../lib/errors.ts'
import { fileKind } from '../lib/file-kind.ts'
import type { Log } from '../lib/log.ts'
import { plugins } from '../plugins/index.ts'
import {
  type Corefile,
  CorefileSource,
  readCorefile,
  type ReadingParts,
  type Source,
} from './corefile-source.ts'
import { type BaseBlock, clusterDomain, stubZones, usesUpstream } from './template/base-blocks.ts'
import {
  type KubeDnsConfig,
  kubeDnsState,
  noKubeDnsConfig,
  readKubeDnsConfig,
} from './template/kube-dns-config.ts'
import { leftPlaceholders, render } from './template/render.ts'
import type { UpstreamService } from './template/upstream-service.ts'

/** Those of a stub domain's block. */
const stubDirectives = plugins.filter(({ stubZones: has }) => has).map(({ name }) => name)

export interface TemplateSourceParts extends Omit<ReadingParts, 'warn'> {
  /** Path of the template. */
  readonly base: string
  /** Directory of the kube-dns ConfigMap. */
  readonly kubeDns: string
  /** Port of stub zones, and of server blocks that name none. */
  readonly port: number
  readonly localIps: readonly string[]
  /** What `__PROMETHEUS__ENDPOINT__` stands for. */
  readonly prometheus: string
  /** The file that is made of the template: served as it is where there is no template. */
  readonly conf: string
  readonly upstream: UpstreamService
  readonly log: Log
}

/** What went into a Corefile. */
export interface Rendering {
  readonly stubDomains: number
  /** Of the ConfigMap. */
  readonly upstreamServers: readonly string[]
  /** False where the base file needs the upstream Service's address and nobody knew it. */
  readonly upstreamKnown: boolean
}

/**
 * A Corefile made of a base file, the kube-dns ConfigMap and the upstream Service's address, anew at
 * each load. Its errors name the base file, whose lines it keeps, and so do relative imports.
 */
export class TemplateSource implements Source {
  readonly path = null
  readonly #parts: TemplateSourceParts
  /** The last valid one, null before the first. */
  #kubeDns: KubeDnsConfig | null = null
  /** What was said at the last load, so that polling does not repeat it. */
  #said: ReadonlySet<string> = new Set()
  #domain: string | null = null
  #needsUpstream = false
  /** Whether the template could be read before. */
  #rendered = false
  readonly #renderings = new WeakMap<Corefile, Rendering>()

  constructor(parts: TemplateSourceParts) {
    this.#parts = parts
  }

  /** The cluster's domain as the base file has it, without its final dot; null where it has none. */
  get clusterDomain(): string | null {
    return this.#domain
  }

  /** False while the base file needs the upstream Service's address and nobody knows it. */
  get upstreamKnown(): boolean {
    return !this.#needsUpstream || this.#parts.upstream.address !== null
  }

  /** What went into a Corefile that load() gave; undefined for any other. */
  renderingOf(corefile: Corefile): Rendering | undefined {
    return this.#renderings.get(corefile)
  }

  /**
   * Reads everything and renders. A ConfigMap that cannot be used leaves the last valid one in force;
   * before there was one, and for everything wrong with the base file, it throws a DnsletError.
   */
  load(): Corefile {
    return this.#load((said) => this.#readKubeDns(said))
  }

  /** Renders without the ConfigMap, until a valid one is found: better than not to serve at all. */
  loadWithoutKubeDns(reason: string): Corefile {
    this.#kubeDns = noKubeDnsConfig
    this.#refused(reason)
    return this.#load(() => noKubeDnsConfig)
  }

  /** Whether anything of the ConfigMap went into the last Corefile. */
  get usesKubeDns(): boolean {
    const { stubDomains = [], upstreamServers = [] } = this.#kubeDns ?? {}
    return stubDomains.length + upstreamServers.length > 0
  }

  #load(kubeDns: (said: Set<string>) => KubeDnsConfig): Corefile {
    const said = new Set<string>()
    try {
      return this.#render(kubeDns(said), said)
    } catch (error) {
      this.#failure(reasonOf(error), said)
      throw error
    } finally {
      this.#said = said
    }
  }

  #readKubeDns(said: Set<string>): KubeDnsConfig {
    try {
      this.#kubeDns = readKubeDnsConfig(this.#parts.kubeDns)
      kubeDnsState.refused = null
    } catch (error) {
      if (this.#kubeDns === null || !(error instanceof DnsletError)) throw error
      this.#refused(error.message)
      if (this.#failure(error.message, said)) {
        this.#parts.log.error(`${error.message}; what was valid before stays in force`)
      }
    }
    return this.#kubeDns
  }

  #refused(reason: string): void {
    const { refused: before } = kubeDnsState
    const at = before?.reason === reason ? before.at : Date.now()
    kubeDnsState.refused = { at, reason, isEarlierServed: this.usesKubeDns }
  }

  #render(kubeDns: KubeDnsConfig, said: Set<string>): Corefile {
    const { localIps, upstream, base, prometheus, conf } = this.#parts
    const text = this.#readBase(said)
    if (text === null) return this.#renderNothing(conf, said)
    const blocks = this.#baseBlocks(text)
    this.#needsUpstream = blocks.some(usesUpstream)
    this.#domain = clusterDomain(blocks)
    const warn = (message: string): void => this.#warn(message, said)
    const stubs = stubZones(kubeDns.stubDomains, blocks, {
      ...this.#parts,
      directives: stubDirectives,
    })
    for (const warning of stubs.warnings) warn(warning)
    const { upstreamServers } = kubeDns
    const values = { localIps, upstream: upstream.address, upstreamServers, prometheus }
    const rendered = render(stubs.text === '' ? text : `${text}\n${stubs.text}`, values)
    for (const left of leftPlaceholders(rendered)) {
      warn(`${base} still has ${left}: whoever installs the manifest replaces it`)
    }
    const reading = { ...this.#parts, warn, importFrom: this.#importFrom() }
    const corefile = readCorefile({ file: base, text: rendered }, reading)
    this.#rendered = true
    const { upstreamKnown } = this
    const stubDomains = kubeDns.stubDomains.length
    this.#renderings.set(corefile, { stubDomains, upstreamServers, upstreamKnown })
    return corefile
  }

  /** Relative imports: beside what is written, as in the original, then beside what it is made of. */
  #importFrom(): readonly string[] {
    return [this.#parts.conf, this.#parts.base].map((file) => dirname(resolve(file)))
  }

  /** Null where there is no template to read, and none was before. */
  #readBase(said: Set<string>): string | null {
    const { base, conf } = this.#parts
    try {
      const text = nodeFiles.read(base)
      // /dev/null is empty, and so would be what is served in place of `conf`.
      if (fileKind(base) === 'other') throw new Error('is not a regular file')
      return text
    } catch (cause) {
      const message = `Failed to read node-cache coreFile ${base} - ${reasonOf(cause)}`
      if (this.#rendered || !existsSync(conf)) {
        throw new DnsletError('E_COREFILE_READ', message, { cause })
      }
      if (this.#failure(message, said)) {
        this.#parts.log.error(`${message}; ${conf} is served as it is`)
      }
      return null
    }
  }

  #renderNothing(conf: string, said: Set<string>): Corefile {
    const warn = (message: string): void => this.#warn(message, said)
    this.#domain = null
    this.#needsUpstream = false
    return new CorefileSource(conf, { ...this.#parts, warn }).load()
  }

  /** The base file's own server blocks: placeholders are words like any other. */
  #baseBlocks(text: string): readonly BaseBlock[] {
    const { base, directives, env, files = nodeFiles, port } = this.#parts
    const warn = (): void => {}
    const reading = { directives, env, files, warn, importFrom: this.#importFrom() }
    const blocks = parse({ file: base, text }, reading)
    return blocks.map((block) => ({ block, keys: parseKeys(block.keys, { port, warn }) }))
  }

  /** Counts a failure that is not the last one again; returns whether it is new. */
  #failure(message: string, said: Set<string>): boolean {
    said.add(message)
    if (this.#said.has(message)) return false
    setupErrors.configmap++
    return true
  }

  #warn(message: string, said: Set<string>): void {
    if (!this.#said.has(message) && !said.has(message)) this.#parts.log.warning(message)
    said.add(message)
  }
}

/** Whether a Corefile is made of a template: one was named, or stands where the manifest puts it. */
export function isTemplated(base: string, named: boolean): boolean {
  return named || existsSync(base)
}
