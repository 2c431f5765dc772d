// A line for each plugin. Their order is that of the directives in index.ts.
import { reloadTime } from './hosts/reload-time.ts'
import { type LatePlugin, later } from './later.ts'

// Those of node-cache's own Corefile.
export { bind } from './bind/index.ts'
export { cache } from './cache/index.ts'
export { errors } from './errors/index.ts'
export { forward } from './forward/index.ts'
export { health } from './health/index.ts'
export { log } from './log/index.ts'
export { loop } from './loop/index.ts'
export { prometheus } from './prometheus/index.ts'
export { ready } from './ready/index.ts'
export { reload } from './reload/index.ts'

// The others are loaded for a Corefile that has them.
export const acl: LatePlugin = later('acl', () => import('./acl/index.ts'))
export const any: LatePlugin = later('any', () => import('./any/index.ts'))
export const bufsize: LatePlugin = later('bufsize', () => import('./bufsize/index.ts'))
export const cancel: LatePlugin = later('cancel', () => import('./cancel/index.ts'))
export const chaos: LatePlugin = later('chaos', () => import('./chaos/index.ts'))
export const debug: LatePlugin = later('debug', () => import('./debug/index.ts'))
export const dns64: LatePlugin = later('dns64', () => import('./dns64/index.ts'))
export const dnstap: LatePlugin = later('dnstap', () => import('./dnstap/index.ts'))
export const header: LatePlugin = later('header', () => import('./header/index.ts'))
export const hosts: LatePlugin = later('hosts', () => import('./hosts/index.ts'), [reloadTime])
export const loadbalance: LatePlugin = later('loadbalance', () => import('./loadbalance/index.ts'))
export const local: LatePlugin = later('local', () => import('./local/index.ts'))
export const metadata: LatePlugin = later('metadata', () => import('./metadata/index.ts'))
export const minimal: LatePlugin = later('minimal', () => import('./minimal/index.ts'))
export const multisocket: LatePlugin = later('multisocket', () => import('./multisocket/index.ts'))
export const no_aaaa: LatePlugin = later('no_aaaa', () => import('./no_aaaa/index.ts'))
export const nsid: LatePlugin = later('nsid', () => import('./nsid/index.ts'))
export const pprof: LatePlugin = later('pprof', () => import('./pprof/index.ts'))
export const rewrite: LatePlugin = later('rewrite', () => import('./rewrite/index.ts'))
export const shed: LatePlugin = later('shed', () => import('./shed/index.ts'))
export const template: LatePlugin = later('template', () => import('./template/index.ts'))
export const timeouts: LatePlugin = later('timeouts', () => import('./timeouts/index.ts'))
export const tls: LatePlugin = later('tls', () => import('./tls/index.ts'))
export const trace: LatePlugin = later('trace', () => import('./trace/index.ts'))
export const view: LatePlugin = later('view', () => import('./view/index.ts'))
export const whoami: LatePlugin = later('whoami', () => import('./whoami/index.ts'))
