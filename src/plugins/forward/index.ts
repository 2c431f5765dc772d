import { type Directive, inPlugin, readAll } from '../../corefile/directive.ts'
import { shown } from '../../corefile/token.ts'
import type { BlockContext, Handler, Metadatum, Plugin, Stage } from '../../serve/plugin.ts'
import type { Query } from '../../serve/query.ts'
import { type ForwardConfig, readConfig } from './config.ts'
import { describeConfig } from './describe.ts'
import { Forwarder } from './forwarder.ts'
import { MergedQuestions } from './merged.ts'
import { metrics, showForward, type ShownForward } from './metrics.ts'
import { Taps } from './taps.ts'
import { UpstreamList } from './upstream-list.ts'

/** `forward`: answers from other servers. Several in one block are tried in file order. */
export const forward: Plugin = {
  name: 'forward',
  changesAnswers: true,
  classes: 'all',
  metrics,
  setup(directives, block): Stage {
    const parts = readAll(directives, (directive) => setupOne(directive, block))
    let forwarders: readonly Forwarder[] = []
    let hide: readonly (() => void)[] = []
    return {
      // Of those that are tried first: the others have a say only where these do not know.
      upstreams: parts[0]!.config.to.flatMap((to) =>
        to.kind === 'address' && to.scheme === 'dns' ? to.endpoint : [],
      ),
      metadata,
      wrap(next: Handler, done: Handler): Handler {
        let handler = next
        let nextForward: Handler | null = null
        const taps = Taps.of(block.stages)
        for (const { config, list } of parts.toReversed()) {
          const forwarder = new Forwarder({ config, list, next: handler, nextForward, taps, done })
          forwarders = [...forwarders, forwarder]
          handler = forwarder.handle
          nextForward = handler
        }
        return handler
      },
      // What the last `forward` passed on, of those that an earlier one has merged.
      unwrap: (done: Handler): Handler => {
        return (q) => {
          if (!MergedQuestions.end(q)) done(q)
        }
      },
      async start(): Promise<void> {
        await Promise.all(parts.map(({ list }) => list.start()))
        hide = parts.map(({ config, list }) => showForward(shownOf(config, list, block)))
      },
      stop(): Promise<void> {
        for (const end of hide) end()
        for (const { list } of parts) list.stop()
        for (const forwarder of forwarders) forwarder.stop()
        return Promise.resolve()
      },
      inspectUpstreams: () => forwarders.toReversed().flatMap((forwarder) => forwarder.inspect()),
      // The last that was made is the first that queries meet.
      considerUpstreams: (q) => forwarders.findLast((one) => one.takes(q))?.consider() ?? [],
      explain: (q) => {
        const of = forwarders.findLast((one) => one.takes(q))
        if (of === undefined) return { says: ['not for this name: it goes on'], ends: false }
        return { says: ['asks an upstream, where nobody above has answered'], ends: true }
      },
      describe: () => parts.flatMap(({ config, list }) => describeConfig(config, list.describe())),
    }
  },
}

function shownOf(
  { from }: ForwardConfig,
  list: UpstreamList,
  { keys }: BlockContext,
): ShownForward {
  const block = [...new Set(keys.map(({ token }) => shown(token)))].join(' ')
  return { from, block, to: () => list.current.map(({ name }) => name) }
}

/** One for all blocks. */
const metadata: readonly Metadatum[] = [{ label: 'forward/upstream', late: true, of: upstreamOf }]

/** The upstream that was asked for a query; hits have none. */
function upstreamOf({ upstream }: Query): string | null {
  return upstream === '' ? null : upstream
}

function setupOne(
  directive: Directive,
  { services }: BlockContext,
): { readonly config: ForwardConfig; readonly list: UpstreamList } {
  const log = services.log.plugin('forward')
  const config = readConfig(directive, (message) => log.warning(message))
  if (config.ignoredFrom.length > 0) {
    const { text, file, line } = directive.args[0]!
    log.warning(
      `${file}:${line} - '${text}' stands for several zones, of which only '${config.from}' is ` +
        `forwarded, not ${config.ignoredFrom.join(' ')}`,
    )
  }
  return { config, list: inPlugin(directive.name, () => new UpstreamList(config, services)) }
}
