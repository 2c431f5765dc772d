import type { Run } from '../../../load/result.ts'

/** Classes of a run's line and of its key in tables and legends. */
export type Look = string

/** Colours that the page has, and ways to dash a line. */
const COLOURS = 8
const DASHES = 4

/**
 * How each run is drawn, by its place: a colour for each client and a dash for each server, so that one compares
 * either by eye. Where there is one client alone, servers have the colours.
 */
export function looksOf(runs: readonly Run[]): Look[] {
  const clients = [...new Set(runs.map(({ client }) => client))]
  const servers = [...new Set(runs.map(({ server }) => server))]
  return runs.map(({ client, server }) => {
    const at = servers.indexOf(server)
    if (clients.length === 1) return look(at, Math.floor(at / COLOURS))
    return look(clients.indexOf(client), at)
  })
}

function look(colour: number, dash: number): Look {
  return `k${colour % COLOURS} d${dash % DASHES}`
}
