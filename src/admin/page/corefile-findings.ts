import type { Status } from '../api.ts'
import type { Finding } from './finding.ts'
import { age, between } from './format.ts'

/** What was configured and is not served: the Corefile, or what the kube-dns ConfigMap adds to it. */
export function corefileFindings(status: Status): readonly Finding[] {
  return [corefile(status), kubeDns(status)].filter((finding) => finding !== null)
}

function corefile(status: Status): Finding | null {
  const { path, loadedAt, isLastGood, refused } = status.corefile
  if (!isLastGood && refused === null) return null
  const why = refused === null ? 'The log says what is wrong with it.' : `${refused.reason}.`
  return {
    level: 'problem',
    what: `${path ?? 'The Corefile'} cannot be served`,
    detail: `${why} Queries are answered by the last good one, loaded ${age(between(loadedAt, status.now))} ago.`,
    section: 'process',
  }
}

function kubeDns({ corefile: { refusedKubeDns: refused }, now }: Status): Finding | null {
  if (refused === null) return null
  const instead = refused.isEarlierServed
    ? 'what was valid before is served'
    : 'names of its stub domains are asked for elsewhere'
  return {
    level: 'problem',
    what: 'The kube-dns ConfigMap cannot be used',
    detail: `${refused.reason}. Since ${age(between(refused.at, now))} ${instead}.`,
    section: 'process',
  }
}
