import { ProgramError, type Programs } from '../../src/host/programs.ts'

/** Programs by name, or name and arguments: what each prints, or why it fails. Others are not there. */
export type Script = Readonly<Record<string, string | Error>>

/** Programs that say what a test says, and which of them were run. */
export function scriptedPrograms(script: Script): Programs & { readonly ran: string[] } {
  const ran: string[] = []
  return {
    ran,
    run: (program, args, { keep = () => true } = {}) => {
      const line = [program, ...args].join(' ')
      ran.push(line)
      const said = script[line] ?? script[program]
      if (typeof said === 'string') return Promise.resolve(said.split('\n').filter(keep))
      const absent = new ProgramError('E_NO_PROGRAM', `Cannot run ${program}: ENOENT`)
      return Promise.reject(said ?? absent)
    },
  }
}
