import type { Log } from '../../src/lib/log.ts'

/** A log that keeps its lines, as `[LEVEL] text`. */
export class LinesLog implements Log {
  readonly lines: string[] = []
  readonly debug: Log['info'] = this.#line('DEBUG')
  readonly info: Log['info'] = this.#line('INFO')
  readonly warning: Log['info'] = this.#line('WARNING')
  readonly error: Log['info'] = this.#line('ERROR')
  readonly fatal: Log['info'] = this.#line('FATAL')

  plugin(): Log {
    return this
  }

  #line(level: string): (message: string) => void {
    return (message) => void this.lines.push(`[${level}] ${message}`)
  }
}
