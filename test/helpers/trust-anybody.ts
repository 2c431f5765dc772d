import type { Owner } from './processes.ts'

/** Tells Node.js to trust anybody over TLS, as an environment may, for as long as the owner lives. */
export function trustAnybody(owner: Owner): void {
  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
  owner.after(() => {
    delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
  })
}
