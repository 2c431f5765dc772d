import type { Unread } from '../../host/readings/reading.ts'

/** What helps where packet rules could not be listed. @param readings that failed */
export function toListRules(...readings: readonly Unread[]): string {
  return readings.some(({ code }) => code === 'E_PROGRAM_UNHEARD')
    ? 'run doctor again: a program that lists rules had no time, as on a busy machine'
    : 'run doctor as root on the node, with nft and iptables installed'
}
