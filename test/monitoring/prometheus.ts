import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { stringify } from 'yaml'

import { temporaryFolder } from '../helpers/nsd.ts'
import { freePort } from '../helpers/ports.ts'
import { type Owner, startProcess, waitUntil } from '../helpers/processes.ts'
import { readRules, readScrapeJob } from './promtool.ts'

export interface Target {
  readonly port: number
  readonly node: string
  /** Default: `/metrics`. */
  readonly path?: string
}

interface Found {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** A running Prometheus. */
export interface Prometheus {
  /** Other targets from the next second on. */
  setTargets(targets: readonly Target[]): void
  /** The vector that an expression has now. */
  query(expr: string): Promise<Found[]>
  /** Alerts that fire, by name, with their labels and texts. */
  firing(): Promise<Firing[]>
  /** What the scrape configuration makes of pods: the address and labels of each target. */
  podTargets(): Promise<Record<string, string>[]>
}

export interface Firing {
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

/**
 * Starts Debian's Prometheus with the rules and the scrape configuration of deploy/monitoring, against
 * targets on 127.0.0.1. It scrapes each second, and looks back as many seconds as `rangeSeconds`, whatever
 * the range in the rules; what has to last does so for a second.
 *
 * @param pods what Prometheus would find in a cluster, a target for each port: addresses on loopback
 */
export async function startPrometheus(
  owner: Owner,
  targets: readonly Target[],
  rangeSeconds: number,
  pods: readonly Readonly<Record<string, string>>[] = [],
): Promise<Prometheus> {
  const folder = temporaryFolder(owner)
  const write = (name: string, text: string): string => {
    const file = join(folder, name)
    writeFileSync(file, text)
    return file
  }
  const setTargets = (list: readonly Target[]): void => {
    const groups = list.map(({ port, node, path = '/metrics' }) => ({
      targets: [`127.0.0.1:${port}`],
      labels: { node, job: 'node-local-dns', __metrics_path__: path },
    }))
    write('targets.json', JSON.stringify(groups))
  }
  setTargets(targets)
  const found = pods.map((labels) => ({ targets: [labels['__meta_kubernetes_pod_ip']], labels }))
  write('pods.json', JSON.stringify(found))
  write('rules.yml', hastened(stringify(readRules()), rangeSeconds))
  const { kubernetes_sd_configs: _, ...whole } = readScrapeJob()
  const { relabel_configs: _pods, ...job } = whole
  const config = {
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: ['rules.yml'],
    scrape_configs: [
      {
        ...job,
        scrape_interval: '1s',
        file_sd_configs: [{ files: ['targets.json'], refresh_interval: '1s' }],
      },
      { ...whole, job_name: 'pods', file_sd_configs: [{ files: ['pods.json'] }] },
    ],
  }
  const file = write('prometheus.yml', stringify(config))
  const port = await freePort()
  const at = `http://127.0.0.1:${port}`
  const process = startProcess(owner, 'prometheus', [
    `--config.file=${file}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--log.level=warn',
  ])
  await waitUntil('Prometheus', () => isReady(`${at}/-/ready`), process, 20)
  return {
    setTargets,
    async query(expr) {
      const { result } = await get<{ result: Sample[] }>(
        `${at}/api/v1/query?query=${encodeURIComponent(expr)}`,
      )
      return result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }))
    },
    async firing() {
      const { alerts } = await get<{ alerts: (Firing & { state: string })[] }>(
        `${at}/api/v1/alerts`,
      )
      return alerts.filter(({ state }) => state === 'firing')
    },
    async podTargets() {
      const { activeTargets } = await get<{ activeTargets: ActiveTarget[] }>(
        `${at}/api/v1/targets?state=active`,
      )
      return activeTargets
        .filter(({ scrapePool }) => scrapePool === 'pods')
        .map(({ scrapeUrl, labels }) => ({ scrapeUrl, ...labels }))
    },
  }
}

interface ActiveTarget {
  readonly scrapePool: string
  readonly scrapeUrl: string
  readonly labels: Readonly<Record<string, string>>
}

interface Sample {
  readonly metric: Record<string, string>
  readonly value: readonly [number, string]
}

async function get<T>(url: string): Promise<T> {
  const { status, data, error } = (await (await fetch(url)).json()) as Record<string, unknown>
  if (status !== 'success') throw new Error(`${url}: ${String(error)}`)
  return data as T
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok
  } catch {
    return false
  }
}

/** The rules with all ranges of one length, and nothing that has to last longer than a second. */
function hastened(rules: string, rangeSeconds: number): string {
  return rules
    .replaceAll(/\[\d+[mh]\]/g, `[${rangeSeconds}s]`)
    .replaceAll(/^(\s+for:) \d+[mh]$/gm, '$1 1s')
}
