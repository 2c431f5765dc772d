/** What `ndots` is where resolv.conf does not say (resolv.conf(5)), and at most. */
const NDOTS = 1
const MOST_NDOTS = 15

/**
 * What a resolver here would ask for in place of a name, or beside it, because of its search list; null
 * where it asks for the name alone.
 *
 * @param typed the name as a person has typed it
 * @param resolvConf its text; null where there is none
 */
export function searchHint(typed: string, resolvConf: string | null): string | null {
  if (typed.endsWith('.') || resolvConf === null) return null
  const { ndots, search } = readResolvConf(resolvConf)
  if (search.length === 0) return null
  const suffixed = search.map((suffix) => `${typed}.${suffix.replace(/\.$/, '')}.`)
  const dots = typed.split('.').length - 1
  const all = dots < ndots ? [...suffixed, `${typed}.`] : [`${typed}.`, ...suffixed]
  return `with the search list of resolv.conf here (ndots ${ndots}), a resolver asks for ${all.join(', ')} in turn`
}

/** As in glibc, of several `search` and `domain` lines the last one counts. */
function readResolvConf(text: string): { ndots: number; search: readonly string[] } {
  let ndots = NDOTS
  let search: readonly string[] = []
  for (const line of text.split('\n')) {
    const [keyword, ...words] = line.trim().split(/\s+/)
    if (keyword === 'search') search = words
    else if (keyword === 'domain') search = words.slice(0, 1)
    else if (keyword === 'options') {
      for (const word of words) {
        const [, digits] = /^ndots:(\d+)$/.exec(word) ?? []
        if (digits !== undefined) ndots = Math.min(Number(digits), MOST_NDOTS)
      }
    }
  }
  // The root as the only suffix adds nothing.
  return { ndots, search: search.filter((suffix) => suffix !== '.') }
}
