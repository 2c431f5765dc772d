/** `a, b, c, d and 246 more`. */
export function few(items: readonly string[], most = 4): string {
  const shown = items.slice(0, most).join(', ')
  return items.length <= most ? shown : `${shown} and ${items.length - most} more`
}
