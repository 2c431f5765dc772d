import { hostPrograms, ProgramError, type Programs } from '../../host/programs.ts'

/** Milliseconds for one program: listing the rules of a large cluster takes one of them. */
const EACH_MS = 2_500

/**
 * The programs of this machine, for `totalMs` altogether: what is asked for later is refused. iptables-legacy
 * needs no lock for listing.
 */
export function boundedPrograms(totalMs: number): Programs {
  const deadline = performance.now() + totalMs
  return {
    run: (program, args, options) => {
      const left = Math.floor(deadline - performance.now())
      if (left < 50) {
        const why = `Cannot run ${program}: no time left`
        return Promise.reject(new ProgramError('E_PROGRAM_UNHEARD', why))
      }
      return hostPrograms({}, Math.min(EACH_MS, left)).run(program, args, options)
    },
  }
}
