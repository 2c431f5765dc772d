import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

/** What uPlot brings: the script that draws, and the rules for what it makes. */
export interface Assets {
  readonly script: string
  readonly style: string
}

/** Reads uPlot's own build from the installed package. Throws where it is not installed. */
export function readAssets(): Assets {
  const require = createRequire(import.meta.url)
  const script = readFileSync(require.resolve('uplot/dist/uPlot.iife.min.js'), 'utf8')
  const style = readFileSync(require.resolve('uplot/dist/uPlot.min.css'), 'utf8')
  return { script, style }
}

/** How a Content-Security-Policy names an element of exactly this content. */
export function hashOf(content: string): string {
  return `'sha256-${createHash('sha256').update(content).digest('base64')}'`
}
