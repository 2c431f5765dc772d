/** Edits (insert, delete or replace one character, swap two neighbours) that turn `a` into `b`. */
function distance(a: string, b: string): number {
  let before: readonly number[] = []
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      const swapped = isSwap ? before[j - 2]! + 1 : Infinity
      next.push(Math.min(replaced, swapped, row[j]! + 1, next[j - 1]! + 1))
    }
    before = row
    row = next
  }
  return row[b.length]!
}

/**
 * The known word a typing mistake was probably meant to be, or null: at most a third of its
 * letters wrong. Words beyond 64 characters are no typing mistakes.
 */
export function nearest(word: string, known: readonly string[]): string | null {
  if (word.length > 64) return null
  let best: string | null = null
  let least = Math.max(1, Math.floor(word.length / 3)) + 1
  for (const candidate of known) {
    const edits = distance(word.toLowerCase(), candidate)
    if (edits < least) {
      best = candidate
      least = edits
    }
  }
  return best
}

/** ` (did you mean 'cache'?)` for the end of a sentence, or nothing. */
export function hintFor(word: string, known: readonly string[]): string {
  const meant = nearest(word, known)
  return meant === null ? '' : ` (did you mean '${meant}'?)`
}
