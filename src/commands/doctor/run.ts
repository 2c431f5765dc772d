import { reasonOf } from '../../lib/errors.ts'
import { printable } from '../../lib/printable.ts'
import type { Examination } from './examination.ts'
import type { Facts } from './facts.ts'
import { type Finding, type Said, type Severity, unknown } from './finding.ts'

const PAGE = 'docs/doctor.md'

/** All findings, worst first, and of the same severity in the order of the examinations. */
export function examine(examinations: readonly Examination[], facts: Facts): readonly Finding[] {
  const findings = examinations
    .filter(({ where }) => where === 'both' || where === facts.place.kind)
    .flatMap((one) => look(one, facts).map((said) => finish(one, said)))
  return findings.toSorted((a, b) => order[a.severity] - order[b.severity])
}

const order: Readonly<Record<Severity, number>> = { broken: 0, warning: 1, unknown: 2, ok: 3 }

/** A mistake in one examination does not cost the others. */
function look(examination: Examination, facts: Facts): readonly Said[] {
  try {
    return examination.examine(facts)
  } catch (cause) {
    const [id = ''] = examination.ids
    return [
      unknown(id, 'this examination failed, which is a mistake of doctor', {
        seen: [reasonOf(cause)],
        remedy: ['report it with this line'],
      }),
    ]
  }
}

/** Whatever was quoted of others (names of processes, links, files) is printable. */
function finish({ area }: Examination, said: Said): Finding {
  return {
    area,
    id: said.id,
    severity: said.severity,
    title: printable(said.title),
    seen: said.seen.map(printable),
    meaning: printable(said.meaning),
    remedy: said.remedy.map(printable),
    page: `${PAGE}#${said.id}`,
  }
}

/** How many there are of each severity. */
export function countFindings(findings: readonly Finding[]): Readonly<Record<Severity, number>> {
  const counts = { broken: 0, warning: 0, unknown: 0, ok: 0 }
  for (const { severity } of findings) counts[severity]++
  return counts
}

/** 2 where something is broken, 1 where there are warnings, else 0: what is unknown is no fault. */
export function exitStatus(findings: readonly Finding[]): 0 | 1 | 2 {
  const { broken, warning } = countFindings(findings)
  if (broken > 0) return 2
  return warning > 0 ? 1 : 0
}
