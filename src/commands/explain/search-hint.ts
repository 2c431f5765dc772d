import { parseResolvConf } from '../../lib/resolv-conf.ts'

/**
 * What a resolver here would ask for in place of a name, or beside it, because of its search list; null
 * where it asks for the name alone.
 *
 * @param typed the name as a person has typed it
 * @param resolvConf its text; null where there is none
 */
export function searchHint(typed: string, resolvConf: string | null): string | null {
  if (typed.endsWith('.') || resolvConf === null) return null
  const { ndots, search: all } = parseResolvConf(resolvConf)
  // The root as the only suffix adds nothing.
  const search = all.filter((suffix) => suffix !== '.')
  if (search.length === 0) return null
  const suffixed = search.map((suffix) => `${typed}.${suffix.replace(/\.$/, '')}.`)
  const dots = typed.split('.').length - 1
  const asked = dots < ndots ? [...suffixed, `${typed}.`] : [`${typed}.`, ...suffixed]
  return `with the search list of resolv.conf here (ndots ${ndots}), a resolver asks for ${asked.join(', ')} in turn`
}
