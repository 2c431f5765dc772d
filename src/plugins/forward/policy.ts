import type { PolicyName } from './config.ts'

/** Fills `order[0..count)` with the positions of the upstreams, in the order they shall be asked. */
export type Policy = (order: number[], count: number) => void

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

function inOrder(order: number[], count: number): void {
  for (let i = 0; i < count; i++) order[i] = i
}

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
  return (order, count) => {
    turn = (turn + 1) % count
    order[0] = turn
    for (let i = 0, at = 1; i < count; i++) if (i !== turn) order[at++] = i
  }
}
