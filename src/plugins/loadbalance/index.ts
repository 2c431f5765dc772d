import { inPlugin } from '../../corefile/directive.ts'
import { AddressSet } from '../../lib/address-set.ts'
import type { BlockContext, Handler, Plugin, Stage } from '../../serve/plugin.ts'
import { Outcome, type Query } from '../../serve/query.ts'
import { Rcode } from '../../wire/codes.ts'
import { readFlags, rcodeOf } from '../../wire/header.ts'
import { Arranger } from './arrange.ts'
import { type LoadbalanceConfig, readConfig } from './config.ts'
import { type Policy, RoundRobin, Weighted } from './policy.ts'
import { WeightFile } from './weight-file.ts'

/**
 * `loadbalance`: the addresses of a name in another order for every client. It stands above `cache`, and
 * changes hits where they lie.
 */
export const loadbalance: Plugin = {
  name: 'loadbalance',
  changesAnswers: false,
  setup(directives, block): Stage {
    const config = readConfig(directives)
    const file = config.policy === 'weighted' ? openFile(config, block) : null
    const arranger = new Arranger(policyOf(config, file))
    return {
      unwrap: (done: Handler): Handler => {
        return (q) => {
          if (q.alike !== 0 || isGood(q)) arranger.arrange(q)
          done(q)
        }
      },
      start(): Promise<void> {
        file?.follow()
        return Promise.resolve()
      },
      stop(): Promise<void> {
        file?.stop()
        return Promise.resolve()
      },
    }
  },
}

function isGood(q: Query): boolean {
  return q.outcome === Outcome.Message && rcodeOf(readFlags(q.out)) === Rcode.NoError
}

function openFile(
  { at, file, reloadMs }: LoadbalanceConfig & { readonly policy: 'weighted' },
  block: BlockContext,
): WeightFile {
  const opened = new WeightFile(file, reloadMs, block.services.log.plugin('loadbalance'))
  inPlugin(at, () => opened.open())
  return opened
}

function policyOf(config: LoadbalanceConfig, file: WeightFile | null): Policy {
  if (file !== null) return new Weighted(() => file.weights)
  const { prefer } = config as LoadbalanceConfig & { readonly policy: 'round_robin' }
  return new RoundRobin(prefer.map((network) => new AddressSet([network])))
}
