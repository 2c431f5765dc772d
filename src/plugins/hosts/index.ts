import { formatDuration } from '../../corefile/directive.ts'
import { LONGEST_TIMER_MS } from '../../lib/longest-timer.ts'
import type { Explained } from '../../serve/inspection.ts'
import type { BlockContext, Handler, Plugin, Stage } from '../../serve/plugin.ts'
import type { Query } from '../../serve/query.ts'
import { beginReply, endReply } from '../../serve/reply-writer.ts'
import { zoneTable } from '../../serve/zone-table.ts'
import { Class, Rcode, Type } from '../../wire/codes.ts'
import { type HostsConfig, readConfig } from './config.ts'
import { type HostTable, Kind } from './host-table.ts'
import { HostsFile, parseInline } from './hosts-file.ts'
import { Lookup } from './lookup.ts'
import { metrics, served } from './metrics.ts'

/** The shortest time between two looks at a file. */
const SHORTEST_INTERVAL_MS = 100

/** `hosts`: answers A, AAAA and PTR from a hosts file and from lines of the Corefile. */
export const hosts: Plugin = {
  name: 'hosts',
  changesAnswers: true,
  metrics,
  setup(directives, block): Stage {
    const log = block.services.log.plugin('hosts')
    const config = readConfig(directives, block.zones, (message) => log.warning(message))
    const file = keepFile(config, block)
    const inline = parseInline(config.inline, config.zones, config.reverse)
    const hostsOfBlock = { file, inline }
    let timer: NodeJS.Timeout | null = null
    return {
      wrap: (next, done) => answerer(config, file, inline, next, done),
      explain: (q) => explain(q, config, file, inline),
      prepare: () => file.look(log),
      start(): Promise<void> {
        served.add(hostsOfBlock)
        const { reloadMs } = config
        if (reloadMs > 0) {
          const interval = Math.min(Math.max(reloadMs, SHORTEST_INTERVAL_MS), LONGEST_TIMER_MS)
          timer = setInterval(() => void file.look(log), interval)
          timer.unref()
        }
        return Promise.resolve()
      },
      stop(): Promise<void> {
        served.delete(hostsOfBlock)
        if (timer !== null) clearInterval(timer)
        return Promise.resolve()
      },
      describe: () => describe(config, inline),
    }
  },
}

/** One file for all blocks that take the same of it, before a reload and after it. */
function keepFile({ path, zones, reverse }: HostsConfig, block: BlockContext): HostsFile {
  const key = ['hosts', path, String(reverse), ...zones].join('\0')
  return block.services.keep(key, () => new HostsFile(path, zones, reverse))
}

function answerer(
  config: HostsConfig,
  file: HostsFile,
  inline: HostTable,
  next: Handler,
  done: Handler,
): Handler {
  const { ttl, fallthroughUnsupported } = config
  const zones = zoneTable(config.zones)
  const fallthrough = zoneTable(config.fallthrough)
  const lookup = new Lookup()

  const answer = (q: Query, kind: Kind | null): void => {
    beginReply(q)
    if (kind !== null) lookup.write(q, kind, ttl)
    endReply(q, 'hosts')
    done(q)
  }

  return (q) => {
    const { wire, question } = q
    const { type } = question
    // Reverse names need not be named as zones.
    const isOurs = type === Type.PTR || zones.find(wire, question) !== undefined
    if (!isOurs || question.class !== Class.IN) {
      next(q)
      return
    }
    lookup.look(q, file.table, inline)
    if (type === Type.PTR) {
      if (lookup.has(Kind.PTR)) answer(q, Kind.PTR)
      else next(q)
      return
    }
    const kind = type === Type.A ? Kind.A : type === Type.AAAA ? Kind.AAAA : null
    const exists = lookup.has(Kind.A) || lookup.has(Kind.AAAA)
    if (exists && (kind !== null || !fallthroughUnsupported)) {
      answer(q, kind)
      return
    }
    if (fallthrough.find(wire, question) !== undefined) next(q)
    else if (exists) answer(q, null)
    else {
      // There is no SOA to say NXDOMAIN with.
      q.fail(Rcode.ServFail)
      done(q)
    }
  }
}

/** As `answerer()` has it. */
function explain(q: Query, config: HostsConfig, file: HostsFile, inline: HostTable): Explained {
  const { question, wire } = q
  const { type } = question
  const isOurs = type === Type.PTR || zoneTable(config.zones).find(wire, question) !== undefined
  if (!isOurs || question.class !== Class.IN) return { says: [], ends: false }
  const lookup = new Lookup()
  lookup.look(q, file.table, inline)
  const kind = { [Type.A]: Kind.A, [Type.AAAA]: Kind.AAAA, [Type.PTR]: Kind.PTR }[type] ?? null
  const has = kind !== null && lookup.has(kind)
  if (has) return { says: ['answers: it has the name'], ends: true }
  if (type === Type.PTR) return { says: ['has no such address: it goes on'], ends: false }
  const exists = lookup.has(Kind.A) || lookup.has(Kind.AAAA)
  if (exists && (kind !== null || !config.fallthroughUnsupported)) {
    return { says: ['answers NODATA: it has the name, and no such records'], ends: true }
  }
  if (zoneTable(config.fallthrough).find(wire, question) !== undefined) {
    return { says: ['does not have the name: it goes on (fallthrough)'], ends: false }
  }
  return { says: [exists ? 'answers NODATA' : 'SERVFAIL: it does not have the name'], ends: true }
}

function describe(config: HostsConfig, inline: HostTable): readonly string[] {
  const { path, zones, ttl, reverse, reloadMs, fallthrough, fallthroughUnsupported } = config
  const looks = reloadMs === 0 ? 'at start alone' : `every ${formatDuration(reloadMs)}`
  const misses = fallthrough.length === 0 ? 'SERVFAIL' : `go on in ${fallthrough.join(' ')}`
  const types = fallthroughUnsupported ? ', other types too' : ''
  return [
    `${path}, looked at ${looks}, and ${inline.entries} entries here, for ${zones.join(' ')}`,
    `ttl ${ttl}, PTR records ${reverse ? 'made' : 'not made'}, unknown names: ${misses}${types}`,
  ]
}
