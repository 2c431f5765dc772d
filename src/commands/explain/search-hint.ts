import { parseResolvConf } from '../../lib/resolv-conf.ts'

/** Dots of a name that is a Service's as people write it, `web` or `web.shop.svc`, or one outside the cluster. */
const MOST_DOTS_OF_SHORT = 2

/**
 * What a resolver here would ask for in place of a name, or beside it, because of its search list; null
 * where it asks for the name alone. Where there is no such list, as on a node and in the pod of a dnslet, what
 * other pods do with a short name.
 *
 * @param typed the name as a person has typed it
 * @param resolvConf its text; null where there is none
 */
export function searchHint(typed: string, resolvConf: string | null): string | null {
  if (typed.endsWith('.')) return null
  const { ndots, search: all } = parseResolvConf(resolvConf ?? '')
  // The root as the only suffix adds nothing.
  const search = all.filter((suffix) => suffix !== '.')
  const dots = typed.split('.').length - 1
  if (search.length === 0) {
    return dots > MOST_DOTS_OF_SHORT
      ? null
      : 'the name is taken as it stands; pods try their search list first (NAMESPACE.svc.cluster.local and ' +
          'so on): explain the whole name'
  }
  const suffixed = search.map((suffix) => `${typed}.${suffix.replace(/\.$/, '')}.`)
  const asked = dots < ndots ? [...suffixed, `${typed}.`] : [`${typed}.`, ...suffixed]
  return `with the search list of resolv.conf here (ndots ${ndots}), a resolver asks for ${asked.join(', ')} in turn`
}
