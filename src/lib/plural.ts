/** `1 rule`, `2 rules`: a number and what it counts, for people. */
export function plural(count: number, one: string, many: string = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}
