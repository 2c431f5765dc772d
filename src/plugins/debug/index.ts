import { argumentError, countArgs, inPlugin, readAll } from '../../corefile/directive.ts'
import type { Plugin, Stage } from '../../serve/plugin.ts'
import { printDebugLines } from '../../telemetry/log-level.ts'

/** `debug`: says more in the log, of the whole process. */
export const debug: Plugin = {
  name: 'debug',
  changesAnswers: false,
  setup(directives): Stage {
    readAll(directives, (directive) => {
      const { name, options } = directive
      inPlugin(name, () => {
        countArgs(directive, 0, 0)
        if (options !== null) throw argumentError({ ...name, text: '{' })
      })
    })
    let end: (() => void) | null = null
    return {
      start(): Promise<void> {
        end = printDebugLines()
        return Promise.resolve()
      },
      stop(): Promise<void> {
        end?.()
        end = null
        return Promise.resolve()
      },
    }
  },
}
