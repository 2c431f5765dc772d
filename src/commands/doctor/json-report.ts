import type { Facts } from './facts.ts'
import type { Finding } from './finding.ts'
import { countFindings, exitStatus } from './run.ts'

/** The report for programs: the same findings, in the same order. */
export function jsonReport(findings: readonly Finding[], facts: Facts, at: Date): string {
  const { place, addresses, addressesFrom, isQuick, software, question } = facts
  const report = {
    at: at.toISOString(),
    version: software.dnslet,
    place,
    addresses,
    addressesFrom,
    asked: isQuick ? null : question.name,
    counts: countFindings(findings),
    exitStatus: exitStatus(findings),
    findings,
  }
  return JSON.stringify(report, null, 2)
}
