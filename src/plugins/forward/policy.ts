import type { PolicyName } from './config.ts'

/** Fills `order[0..count)` with the positions of the upstreams, in the order they shall be asked. */
export interface Policy {
  (order: number[], count: number): void
  /** The position that it would put first for the next query, without a query; absent where chance decides. */
  readonly first?: (count: number) => number
}

/** Makes the policy of one directive; `round_robin` counts for itself. */
export function makePolicy(name: PolicyName, random: () => number = Math.random): Policy {
  switch (name) {
    case 'sequential':
      return inOrder
    case 'round_robin':
      return roundRobin()
    case 'random':
      return (order, count) => shuffle(order, count, random)
  }
}

const inOrder: Policy = Object.assign(
  (order: number[], count: number): void => {
    for (let i = 0; i < count; i++) order[i] = i
  },
  { first: () => 0 },
)

function shuffle(order: number[], count: number, random: () => number): void {
  order[0] = 0
  for (let i = 1; i < count; i++) {
    const j = Math.floor(random() * (i + 1))
    order[i] = order[j]!
    order[j] = i
  }
}

/** The one whose turn it is, then the others as they are listed. */
function roundRobin(): Policy {
  let turn = 0
  const policy: Policy = (order, count) => {
    turn = (turn + 1) % count
    order[0] = turn
    for (let i = 0, at = 1; i < count; i++) if (i !== turn) order[at++] = i
  }
  return Object.assign(policy, { first: (count: number) => (turn + 1) % count })
}
