import { styleText } from 'node:util'
import { plural } from '../../lib/plural.ts'
import type { Facts } from './facts.ts'
import { few } from './few.ts'
import { areas, type Finding, type Severity } from './finding.ts'
import { countFindings } from './run.ts'

export interface TextOptions {
  /** Characters of a line. */
  readonly width: number
  readonly colours: boolean
}

/** What a person reads at three in the morning: what is wrong first, with what helps; what is well, short. */
export function textReport(
  findings: readonly Finding[],
  { place, addresses, addressesFrom, isQuick }: Facts,
  { width, colours }: TextOptions,
): string {
  const paint: Paint = (severity, text) =>
    colours ? styleText([...styles[severity]], text, { validateStream: false }) : text
  const served =
    addresses.length === 0 ? 'no addresses known' : `${few(addresses, 8)} (from ${addressesFrom})`
  const where = place.kind === 'node' ? 'on a node' : 'in a pod'
  const summary = summaryOf(findings, paint)
  const head = [
    `dnslet doctor: ${summary}`,
    ...wrap(
      `Looked ${where} (${place.signs.join(', ')}); ${served}${isQuick ? '; nothing was sent' : ''}`,
      width,
      0,
    ),
  ]
  const told = findings.filter(({ severity }) => severity !== 'ok')
  const well = wellLines(findings, width)
  return [
    ...head,
    '',
    ...told.flatMap((finding) => [...tell(finding, width, paint), '']),
    ...(well.length === 0 ? [] : [paint('ok', 'WELL'), ...well, '']),
    ...(told.length === 0 ? [] : [summary]),
  ]
    .join('\n')
    .trimEnd()
}

type Paint = (severity: Severity, text: string) => string

const styles = {
  broken: ['bold', 'red'],
  warning: ['bold', 'yellow'],
  unknown: ['bold', 'cyan'],
  ok: ['bold', 'green'],
} as const

const words: Readonly<Record<Severity, (count: number) => string>> = {
  broken: (count) => `${count} broken`,
  warning: (count) => plural(count, 'warning'),
  unknown: (count) => `${count} unknown`,
  ok: (count) => `${count} well`,
}

function summaryOf(findings: readonly Finding[], paint: Paint): string {
  const counts = countFindings(findings)
  const parts = (['broken', 'warning', 'unknown', 'ok'] as const)
    .filter((severity) => counts[severity] > 0)
    .map((severity) => paint(severity, words[severity](counts[severity])))
  return parts.join(', ')
}

const LABEL = 9

/** A finding in full; of what is unknown, what it would take to know. */
function tell(
  { severity, area, title, seen, meaning, remedy, page }: Finding,
  width: number,
  paint: Paint,
): string[] {
  const label = severity.toUpperCase()
  const [first = '', ...more] = wrap(`${area}: ${title}`, width, LABEL)
  return [
    paint(severity, label) + first.slice(label.length),
    ...more,
    ...seen.flatMap((line, i) => part(i === 0 ? 'seen' : '', line, width)),
    ...(meaning === '' || severity === 'unknown' ? [] : part('means', meaning, width)),
    ...remedy.flatMap((line, i) => part(i === 0 ? 'do' : '', line, width)),
    ...(severity === 'unknown' ? [] : part('more', page, width)),
  ]
}

/** A labelled paragraph inside a finding. */
function part(label: string, text: string, width: number): string[] {
  const indent = LABEL + 7
  const [first = '', ...more] = wrap(text, width, indent)
  return [`${' '.repeat(LABEL)}${label.padEnd(7)}${first.slice(indent)}`, ...more]
}

const AREA = 16

/**
 * What is well, by area: a line each, with the first thing that was seen where there is room for it. The
 * JSON report has all that was seen.
 */
function wellLines(findings: readonly Finding[], width: number): string[] {
  return areas.flatMap((area) =>
    findings
      .filter((one) => one.severity === 'ok' && one.area === area)
      .flatMap(({ title, seen: [first] }, i) => {
        const whole = first === undefined ? title : `${title} (${first})`
        const text = AREA + whole.length <= width ? whole : title
        const [line = '', ...more] = wrap(text, width, AREA)
        return [`  ${(i === 0 ? area : '').padEnd(AREA - 2)}${line.slice(AREA)}`, ...more]
      }),
  )
}

/** Breaks at spaces; each line begins with `indent` spaces. A longer word stays whole, to be copied. */
function wrap(text: string, width: number, indent: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && indent + line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line].map((one) => ' '.repeat(indent) + one)
}
