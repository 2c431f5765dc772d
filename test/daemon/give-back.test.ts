import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { GiveBack } from '../../src/daemon/give-back.ts'

const MIB = 2 ** 20

/**
 * Looks at so many MiB, after so many milliseconds of CPU, `seconds` after the last look and after waiting so
 * many milliseconds for a core; giving leaves `left` MiB.
 */
function looks(
  steps: readonly (readonly [mib: number, cpu: number, seconds?: number, wait?: number])[],
  left: number,
): boolean[] {
  let bytes = 0
  let cpu = 0
  let now = 0
  let given = 0
  let waited = 0
  const give = new GiveBack({
    anonymous: () => bytes,
    cpu: () => cpu,
    wait: () => waited,
    limit: () => Infinity,
    give: () => {
      given++
      bytes = left * MIB
    },
  })
  return steps.map(([mib, used, seconds = 5, wait = 0]) => {
    waited += wait
    const before = given
    bytes = mib * MIB
    cpu += used
    now += seconds * 1000
    give.look(now)
    give.look(now + 4_499)
    return given > before
  })
}

test('memory is given back after five quiet seconds, once, and again where it has grown by 6 MiB', () => {
  const steps = [20, 20, 17, 22, 23, 23, 16, 22] as const
  const each = steps.map((mib) => [mib, 100, 600] as const)
  assert.deepEqual(looks(each, 17), [false, true, false, false, true, true, false, true])
})

test('who has used 25 ms of CPU is asked how long it waited, and nobody else', (t) => {
  const wait = t.mock.fn(() => 0)
  let cpu = 0
  const give = new GiveBack({ cpu: () => cpu, wait, anonymous: () => 0, give: () => assert.fail() })
  let now = 0
  const asked = [0, 30, 10, 10, 10].map((used) => {
    cpu += used
    give.look((now += 5_000))
    return wait.mock.callCount()
  })
  // The first look begins the first five seconds.
  assert.deepEqual(asked, [1, 2, 2, 2, 3])
})

test('a heap that grows back at once is collected each ten minutes, no more often', () => {
  const each = Array.from({ length: 63 }, () => [40, 100, 10] as const)
  const given = looks(each, 17).flatMap((gave, i) => (gave ? [i] : []))
  assert.deepEqual(given, [1, 61])
})

test('what a storm has left is given back in the first five quiet seconds after it', () => {
  const storm = [
    [20, 0],
    [20, 0],
    [60, 9000],
    [60, 100],
    [40, 100],
  ] as const
  assert.deepEqual(looks(storm, 17), [false, true, false, true, false])
})

test('no collection delays a busy process, which is caught up with when it is quiet', () => {
  const busy = [
    [20, 0],
    [60, 251],
    [60, 4500],
    [60, 250],
  ] as const
  assert.deepEqual(looks(busy, 30), [false, false, false, true])
})

test('nor one that uses little CPU time because it gets no more', () => {
  const starved = [
    [20, 0],
    [60, 100, 10, 301],
    [60, 100, 10, 9_000],
    [60, 100, 10, 300],
  ] as const
  assert.deepEqual(looks(starved, 30), [false, false, false, true])
})

test('a process that has done nothing is not asked how much memory it has', () => {
  let reads = 0
  let cpu = 0
  const give = new GiveBack({
    cpu: () => cpu,
    wait: () => 0,
    limit: () => Infinity,
    anonymous: () => reads++,
    give: () => {},
  })
  const read = [0, 100, 5, 5, 5, 10, 5].map((used, i) => {
    cpu += used
    give.look(i * 5_000)
    return reads
  })
  assert.deepEqual(read, [0, 1, 1, 1, 1, 2, 2])
})

test('under a small CPU limit no garbage is collected, as that takes the quota of several periods', () => {
  const collected: boolean[] = []
  for (const cores of [0.05, 0.24, 0.25, Infinity]) {
    const give = (collects: boolean): number => collected.push(collects)
    const calm = { cpu: () => 0, wait: () => 0, anonymous: () => 60 * MIB }
    const giveBack = new GiveBack({ ...calm, limit: () => cores, give })
    giveBack.look(0)
    giveBack.look(10_000)
  }
  assert.deepEqual(collected, [false, false, true, true])
})

/** Looks after so many milliseconds of CPU in each five seconds, at memory that has grown: what was given, and how. */
function gifts(used: readonly number[], cores = Infinity): string[] {
  let cpu = 0
  let given = '-'
  const give = new GiveBack({
    cpu: () => cpu,
    wait: () => 0,
    limit: () => cores,
    anonymous: () => 60 * MIB,
    give: (collects) => (given = collects ? 'collected' : 'trimmed'),
  })
  give.look(0)
  return used.map((ms, i) => {
    cpu += ms
    given = '-'
    give.look((i + 1) * 5_000)
    return given
  })
}

test('a collection waits until nearly nobody asks, the rest does not', () => {
  const steps = [251, 250, 51, 51, 50, 50]
  assert.deepEqual(gifts(steps), ['-', 'trimmed', '-', '-', 'collected', '-'])
  assert.deepEqual(gifts(steps, 0.2), ['-', 'trimmed', '-', '-', '-', '-'])
})

test('an hour at most, where there is always somebody', () => {
  const given = gifts(Array.from({ length: 730 }, () => 200))
  assert.deepEqual(given.slice(0, 2), ['trimmed', '-'])
  assert.equal(given.indexOf('collected'), 720)
  assert.equal(given.filter((gift) => gift !== '-').length, 2)
})

test('the hour begins when the collection was put off first', () => {
  let cpu = 0
  let mib = 60
  const collected: boolean[] = []
  const give = new GiveBack({
    cpu: () => cpu,
    wait: () => 0,
    limit: () => Infinity,
    anonymous: () => mib * MIB,
    give: (collects) => collected.push(collects),
  })
  for (const minutes of [0, 1, 31, 60, 61]) {
    cpu = 0.02 * minutes * 60_000
    if (minutes === 31) mib += 30
    give.look(minutes * 60_000)
  }
  assert.deepEqual(collected, [false, false, true])
})

test('where nobody tells how much memory there is, nothing is done', () => {
  assert.deepEqual(
    looks(
      Array.from({ length: 3 }, () => [0, 0] as const),
      0,
    ),
    [false, false, false],
  )
})

test('garbage of a storm goes back to the kernel, and the program runs on without its mapped code', () => {
  const script = `
    const { GiveBack } = await import(${JSON.stringify(join(import.meta.dirname, '../../src/daemon/give-back.ts'))})
    const { anonymousBytes } = await import(${JSON.stringify(join(import.meta.dirname, '../../src/sys/resident.ts'))})
    const give = new GiveBack({ cpu: () => 0, wait: () => 0, limit: () => Infinity })
    give.look(0)
    let storm = Array.from({ length: 300_000 }, (_, i) => ({ i, text: 'query ' + i }))
    const before = anonymousBytes()
    storm = storm.filter(({ i }) => i % 1000 === 0)
    give.look(10_000)
    const after = anonymousBytes()
    const again = await import('node:zlib')
    console.log(JSON.stringify({ before, after, kept: storm.length, runs: again.gunzipSync(again.gzipSync('x')).toString() }))`
  const args = ['--single-threaded-gc', '--input-type=module', '-e', script]
  const text = execFileSync(process.execPath, args, { encoding: 'utf8' })
  const { before, after, ...rest } = JSON.parse(text) as Record<string, number>
  assert.ok(after! < before! - 15 * MIB, `${after} of ${before}`)
  assert.deepEqual(rest, { kept: 300, runs: 'x' })
})
