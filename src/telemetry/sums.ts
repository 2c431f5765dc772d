import { registeredMetrics } from './metrics.ts'

/** The sum of a counter's or gauge's samples as they are now; 0 where there are none. */
export function sumOf(name: string): number {
  let sum = 0
  collect(name, (_labels, value) => (sum += value))
  return sum
}

/** The same by the values of one label. */
export function sumsBy(name: string, label: string): Readonly<Record<string, number>> {
  const sums = new Map<string, number>()
  collect(name, (labels, value, names) => {
    const key = labels[names.indexOf(label)] ?? ''
    sums.set(key, (sums.get(key) ?? 0) + value)
  })
  return Object.fromEntries(sums)
}

function collect(
  name: string,
  each: (labels: readonly string[], value: number, names: readonly string[]) => void,
): void {
  const spec = registeredMetrics().find((one) => one.name === name)
  spec?.collect((labels, value) => {
    if (typeof value === 'number') each(labels, value, spec.labels)
  })
}
