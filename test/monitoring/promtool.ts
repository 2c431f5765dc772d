import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { parse, stringify } from 'yaml'

import { findTool } from '../helpers/debian.ts'
import { temporaryFolder } from '../helpers/nsd.ts'
import type { Owner } from '../helpers/processes.ts'

const root = join(import.meta.dirname, '../..')
export const folder: string = join(root, 'deploy/monitoring')

interface RecordingRule {
  readonly record: string
  readonly expr: string
}

export interface Alert {
  readonly alert: string
  readonly expr: string
  readonly for?: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

interface Rules {
  readonly groups: readonly {
    readonly name: string
    readonly rules: readonly (RecordingRule | Alert)[]
  }[]
}

/** The rules as the operator hands them to Prometheus. */
export function readRules(): Rules {
  const text = readFileSync(join(folder, 'rules.yaml'), 'utf8')
  return (parse(text) as { spec: Rules }).spec
}

export const alerts: readonly Alert[] = readRules()
  .groups.flatMap(({ rules }) => rules)
  .filter((rule) => 'alert' in rule)

/** One of the scrape configuration's jobs, as Prometheus reads it. */
export interface ScrapeJob {
  readonly metric_relabel_configs: readonly RelabelConfig[]
  readonly relabel_configs: readonly RelabelConfig[]
  readonly [field: string]: unknown
}

export interface RelabelConfig {
  readonly source_labels: readonly string[]
  readonly regex?: string
  readonly action?: string
  readonly target_label?: string
  readonly replacement?: string
}

export function readScrapeJob(): ScrapeJob {
  const text = readFileSync(join(folder, 'scrape-config.yaml'), 'utf8')
  const { scrape_configs: jobs } = parse(text) as { scrape_configs: readonly ScrapeJob[] }
  return jobs[0]!
}

const relabelings = readScrapeJob().metric_relabel_configs.map(({ regex = '', ...rest }) => ({
  ...rest,
  pattern: new RegExp(`^(?:${regex})$`),
}))

/**
 * Whether a sample is stored: `keep` and `drop` of metric_relabel_configs. Patterns are anchored at both
 * ends, values joined by semicolons, and a label that is absent is the empty string.
 */
export function isKept(name: string, labels: Readonly<Record<string, string>>): boolean {
  const all: Readonly<Record<string, string>> = { ...labels, __name__: name }
  return relabelings.every(({ source_labels, pattern, action }) => {
    const text = source_labels.map((label) => all[label] ?? '').join(';')
    const matches = pattern.test(text)
    return action === 'drop' ? !matches : matches
  })
}

const run = promisify(execFile)

/** Runs promtool in a folder with these files; its whole output, and whether it is content. */
export async function promtool(
  owner: Owner,
  args: readonly string[],
  files: Readonly<Record<string, unknown>>,
): Promise<{ passed: boolean; output: string }> {
  const cwd = temporaryFolder(owner)
  mkdirSync(cwd, { recursive: true })
  for (const [name, content] of Object.entries(files)) {
    const text = typeof content === 'string' ? content : stringify(content)
    writeFileSync(join(cwd, name), text)
  }
  try {
    const { stdout, stderr } = await run(findTool('promtool') ?? 'promtool', args, { cwd })
    return { passed: true, output: stdout + stderr }
  } catch (error) {
    const { stdout = '', stderr = '', message } = error as Error & Record<string, string>
    return { passed: false, output: stdout + stderr || message }
  }
}
