import { setTimeout as sleep } from 'node:timers/promises'

import { canonicalName, isSubdomain } from '../corefile/domain-name.ts'
import type { Daemon } from '../daemon/daemon.ts'
import type { CacheContents } from '../serve/inspection.ts'
import { Type, typeFromName } from '../wire/codes.ts'
import type { CacheLookup, Purged, PurgeRequest } from './api.ts'
import { AdminError, type AdminRoute, Lines, type Parameter, parameter } from './routes.ts'
import { cachedAnswer, count, list, object, text } from './schema.ts'
import { keysOf } from './status.ts'

/** Milliseconds of work after which a purge pauses as long: queries have at least half of the time. */
const SLICE_MS = 2

type BlockAnswer = CacheLookup['answers'][number]

/** What tells of which question a route is asked. */
export const questionParameters: readonly Parameter[] = [
  { name: 'name', required: true, description: 'A domain name, absolute', schema: text },
  { name: 'type', description: 'A by default; AAAA, TYPE65', schema: text },
]

/** The question in these parameters. Throws AdminError for what is none. */
export function readQuestion(query: URLSearchParams): {
  readonly name: string
  readonly type: number
} {
  return {
    name: readName(parameter(query, 'name') ?? ''),
    type: readType(parameter(query, 'type') ?? 'A'),
  }
}

/** The caches of all blocks: looked into, written out, emptied. */
export function cacheRoutes(daemon: Daemon): readonly AdminRoute[] {
  return [lookUpRoute(daemon), dumpRoute(daemon), purgeRoute(daemon)]
}

function lookUpRoute(daemon: Daemon): AdminRoute {
  return {
    method: 'GET',
    path: '/v1/cache',
    summary: 'The cached answers to a question, one for each combination of DO and CD',
    parameters: questionParameters,
    answer: object({ answers: list(cachedAnswer) }),
    handle({ query }): CacheLookup {
      const { name, type } = readQuestion(query)
      const of = ({ contents, block }: BlockCache): BlockAnswer[] =>
        contents.lookUp(name, type).map((answer) => ({ ...answer, block }))
      return { answers: cachesOf(daemon).flatMap(of) }
    },
  }
}

function dumpRoute(daemon: Daemon): AdminRoute {
  let underWay = 0

  function* dump(): Generator<BlockAnswer> {
    underWay++
    try {
      for (const { contents, block } of cachesOf(daemon)) {
        for (const answer of contents.dump()) yield { ...answer, block }
      }
    } finally {
      underWay--
    }
  }

  return {
    method: 'GET',
    path: '/v1/cache/dump',
    summary: 'All cached answers, one a line; one dump at a time',
    answer: cachedAnswer,
    handle(): Lines {
      if (underWay > 0) throw new AdminError(503, 'another dump is under way: try again later')
      return new Lines(dump())
    },
  }
}

function purgeRoute(daemon: Daemon): AdminRoute {
  return {
    method: 'POST',
    path: '/v1/cache/purge',
    summary: 'Forgets cached answers by name, suffix or type: what is named has to match',
    body: {
      type: 'object',
      properties: { name: text, suffix: text, type: text },
      additionalProperties: false,
      minProperties: 1,
    },
    answer: object({ purged: count }),
    async handle({ body }): Promise<Purged> {
      const matches = readPurge(body)
      let purged = 0
      let began = performance.now()
      for (const { contents } of cachesOf(daemon)) {
        for (const one of contents.purge(matches)) {
          purged += one
          if (performance.now() - began < SLICE_MS) continue
          await sleep(SLICE_MS)
          began = performance.now()
        }
      }
      return { purged }
    },
  }
}

interface BlockCache {
  readonly contents: CacheContents
  readonly block: readonly string[]
}

function cachesOf({ runtime }: Daemon): readonly BlockCache[] {
  return runtime.blocks.flatMap((block) =>
    block.stages.flatMap(({ stage: { contents } }) =>
      contents === undefined ? [] : [{ contents, block: keysOf(block) }],
    ),
  )
}

const PURGE_MEMBERS: readonly string[] = ['name', 'suffix', 'type'] satisfies (keyof PurgeRequest)[]

function readPurge(body: unknown): (name: string, type: number) => boolean {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new AdminError(400, 'the body has to be an object with "name", "suffix" or "type"')
  }
  const given = body as Readonly<Record<string, unknown>>
  for (const [member, value] of Object.entries(given)) {
    if (!PURGE_MEMBERS.includes(member)) {
      throw new AdminError(400, `"${member}" is none of ${PURGE_MEMBERS.join(', ')}`)
    }
    if (typeof value !== 'string') throw new AdminError(400, `"${member}" has to be a string`)
  }
  if (Object.keys(given).length === 0) {
    throw new AdminError(400, 'nothing is named: "suffix": "." empties the cache')
  }
  const read = <T>(member: string, as: (value: string) => T): T | null =>
    given[member] === undefined ? null : as(given[member] as string)
  const [name, suffix, type] = [
    read('name', readName),
    read('suffix', readName),
    read('type', readType),
  ]
  return (of, ofType) =>
    (name === null || of === name) &&
    (suffix === null || isSubdomain(of, suffix)) &&
    (type === null || ofType === type)
}

/** In the presentation that caches show; throws AdminError for what is no name. */
function readName(given: string): string {
  const name = canonicalName(given)
  if (name === null) throw new AdminError(400, `"${given.slice(0, 300)}" is no domain name`)
  return name
}

/** Throws AdminError for what is no type of records. */
function readType(given: string): number {
  const type = typeFromName(given)
  if (type === undefined || type === Type.OPT) {
    throw new AdminError(400, `"${given.slice(0, 30)}" is no type of records: A, AAAA, TYPE65`)
  }
  return type
}
