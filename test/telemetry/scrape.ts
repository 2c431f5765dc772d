/** One series of a scrape; `le` of buckets is among the labels. */
interface Series {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** A scrape, read line by line. */
export interface Scrape {
  readonly types: ReadonlyMap<string, string>
  readonly series: readonly Series[]
}

const LINE = /^([a-z_][a-z0-9_]*)(?:\{(.*)\})? (\S+)$/i
const LABEL = /([a-z_][a-z0-9_]*)="((?:[^"\\]|\\.)*)"(?:,|$)/gi

/** Reads the text format 0.0.4; throws on any line that is not of it, and on a series that repeats. */
function parseScrape(body: string): Scrape {
  const types = new Map<string, string>()
  const series: Series[] = []
  const seen = new Set<string>()
  for (const line of body.split('\n')) {
    if (line === '' || line.startsWith('# HELP ')) continue
    if (line.startsWith('# TYPE ')) {
      const [, , name = '', type = ''] = line.split(' ')
      if (types.has(name)) throw new Error(`Type given twice: ${line}`)
      types.set(name, type)
      continue
    }
    const [, name, labelText = '', value] = LINE.exec(line) ?? []
    if (name === undefined || Number.isNaN(Number(value?.replace('+Inf', 'Infinity')))) {
      throw new Error(`Not a sample: ${line}`)
    }
    const labels = Object.fromEntries([...labelText.matchAll(LABEL)].map(([, k, v]) => [k!, v!]))
    const key = line.slice(0, line.lastIndexOf(' '))
    if (seen.has(key)) throw new Error(`Series given twice: ${key}`)
    seen.add(key)
    series.push({ name, labels, value: Number(value) })
  }
  return { types, series }
}

/** Gets and reads `/metrics` of a port of 127.0.0.1. */
export async function scrape(port: number): Promise<Scrape> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`)
  const body = await response.text()
  if (response.status !== 200) throw new Error(`${response.status}: ${body}`)
  return parseScrape(body)
}

/** The value of the one series with this name and these labels (more labels do not matter). */
export function valueOf(
  { series }: Scrape,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  const found = series.filter(
    (one) =>
      one.name === name &&
      Object.entries(labels).every(([key, value]) => one.labels[key] === value),
  )
  if (found.length > 1) throw new Error(`${found.length} series of ${name} match`)
  return found[0]?.value
}
