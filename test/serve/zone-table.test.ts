import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { ZoneTable } from '../../src/serve/zone-table.ts'
import { Type } from '../../src/wire/codes.ts'
import { message, questionOf } from '../wire/message.ts'

function tableOf(...zones: readonly string[]): ZoneTable<string> {
  const table = new ZoneTable<string>()
  for (const zone of zones) table.add(zone, zone)
  return table
}

function find(table: ZoneTable<string>, name: string, type: number = Type.A): string | undefined {
  const wire = message({ name, type })
  return table.find(wire, questionOf(wire))
}

describe('ZoneTable', () => {
  const table = tableOf('.', 'local.', 'cluster.local.', '10.in-addr.arpa.')

  test('finds the longest zone for DS too, where zones are no cuts', () => {
    const wire = message({ name: 'svc.cluster.local', type: Type.DS })
    assert.equal(table.find(wire, questionOf(wire)), 'local.')
    assert.equal(table.find(wire, questionOf(wire), false), 'cluster.local.')
  })

  test('finds the longest zone that contains the name', () => {
    assert.equal(find(table, 'svc.ns.cluster.local'), 'cluster.local.')
    assert.equal(find(table, 'cluster.local'), 'cluster.local.')
    assert.equal(find(table, 'printer.local'), 'local.')
    assert.equal(find(table, '1.2.3.10.in-addr.arpa'), '10.in-addr.arpa.')
    assert.equal(find(table, 'example.com'), '.')
    assert.equal(find(table, '.'), '.')
  })

  test('compares whole labels', () => {
    assert.equal(find(table, 'mycluster.local'), 'local.')
    assert.equal(find(table, 'notlocal'), '.')
    assert.equal(find(table, 'cluster\\.local'), '.')
  })

  test('takes any letter case', () => {
    assert.equal(find(table, 'SVC.Cluster.LOCAL'), 'cluster.local.')
  })

  test('has nothing for a name outside all zones', () => {
    const some = tableOf('cluster.local.')
    assert.equal(find(some, 'example.com'), undefined)
    assert.equal(find(some, 'local'), undefined)
    assert.equal(find(some, '.'), undefined)
    assert.equal(find(new ZoneTable(), '.'), undefined)
  })

  test('prefers the shortest zone but the root for DS', () => {
    assert.equal(find(table, 'cluster.local', Type.DS), 'local.')
    assert.equal(find(table, 'a.cluster.local', Type.DS), 'local.')
    assert.equal(find(table, '10.in-addr.arpa', Type.DS), '10.in-addr.arpa.')
    assert.equal(find(table, 'example.com', Type.DS), '.')
  })

  test('is empty until the first zone, be it the root', () => {
    assert.equal(new ZoneTable().empty, true)
    assert.equal(tableOf('.').empty, false)
    assert.equal(tableOf('local.').empty, false)
  })

  test('refuses what is no name', () => {
    assert.throws(
      () => tableOf('a..b.'),
      new RangeError('Cannot add zone "a..b.": not a domain name'),
    )
  })

  test('keeps zones apart whose hashes are equal', () => {
    // The hash is 31 × what came before + octet, and 31 × 'a' + 'z' = 31 × 'b' + '['.
    const twins = tableOf('az.', 'b[.')
    assert.equal(find(twins, 'x.az'), 'az.')
    assert.equal(find(twins, 'x.b['), 'b[.')
    assert.equal(find(tableOf('az.'), 'b['), undefined)
  })

  test('agrees with comparing labels one by one', () => {
    const label = fc.constantFrom('a', 'B', 'az', 'b[', 'long-label')
    const name = fc.array(label, { maxLength: 5 })
    const zones = fc.uniqueArray(
      fc.array(label, { maxLength: 4 }).map((labels) => labels.map((l) => l.toLowerCase())),
      { maxLength: 6, selector: (labels) => labels.join('.') },
    )
    fc.assert(
      fc.property(zones, name, fc.boolean(), (list, labels, ds) => {
        const text = (of: readonly string[]): string => `${of.join('.')}.`
        const built = tableOf(...list.map(text))
        const lower = labels.map((l) => l.toLowerCase())
        const matching = list
          .filter((zone) => text(lower.slice(lower.length - zone.length)) === text(zone))
          .sort((x, y) => y.length - x.length)
        const shortest = matching.findLast((zone) => zone.length > 0)
        const expected = ds ? (shortest ?? matching[0]) : matching[0]
        assert.equal(
          find(built, text(labels), ds ? Type.DS : Type.A),
          expected === undefined ? undefined : text(expected),
        )
      }),
      { numRuns: 1000 },
    )
  })
})
