/**
 * What `found` lacks and what it has too much, as multisets: `missing: …`, `unexpected: …`. Empty
 * where both hold the same lines equally often.
 */
export function difference(wanted: readonly string[], found: readonly string[]): string[] {
  const balance = new Map<string, number>()
  for (const line of wanted) balance.set(line, (balance.get(line) ?? 0) + 1)
  for (const line of found) balance.set(line, (balance.get(line) ?? 0) - 1)
  return [...balance].flatMap(([line, count]) => {
    const what = count > 0 ? 'missing' : 'unexpected'
    return Array.from({ length: Math.abs(count) }, () => `${what}: ${line.trim()}`)
  })
}
