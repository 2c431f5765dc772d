import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UpstreamService } from '../../../src/source/template/upstream-service.ts'

type Answers = Readonly<Record<string, readonly string[]>>

function service(
  env: Readonly<Record<string, string>>,
  localIps: readonly string[],
  zone: Answers,
  at: Readonly<Record<string, Answers>> = {},
) {
  const lookupIn = (known: Answers = {}, name: string): Promise<readonly string[]> =>
    known[name] === undefined
      ? Promise.reject(new Error('queryA ENOTFOUND'))
      : Promise.resolve(known[name])
  return new UpstreamService({
    service: 'kube-dns-upstream',
    env,
    localIps,
    lookup: (name) => lookupIn(zone, name),
    lookupAt: (address, name) => lookupIn(at[address], name),
  })
}

const variable = 'KUBE_DNS_UPSTREAM_SERVICE_HOST'
const name = 'kube-dns-upstream.kube-system.svc.cluster.local'
const local = ['169.254.20.10', '10.96.0.10']

test('the environment has the address of a Service older than the pod', () => {
  assert.equal(service({ [variable]: '10.96.7.7' }, local, {}).address, '10.96.7.7')
  assert.equal(service({ [variable]: 'fd00::7' }, ['fd00::a'], {}).address, 'fd00::7')
})

test('what is no address, or our own, is none, and the reason is known', () => {
  const headless = service({ [variable]: 'None' }, local, {})
  assert.equal(headless.address, null)
  assert.equal(headless.reason, `${variable} is "None", which is no IP address`)
  const own = service({ [variable]: '10.96.0.10' }, local, {})
  assert.equal(own.address, null)
  assert.match(own.reason, /one of -localip: forwarding there would ask ourselves/)
  assert.equal(service({}, local, {}).reason, `${variable} is not set`)
})

test('a Service that appears later is found by its name, one that moves as well', async () => {
  const zone: Record<string, readonly string[]> = {}
  const late = service({}, local, zone, { '10.96.8.8': { [name]: ['10.96.8.8'] } })
  assert.equal(await late.find('cluster.local'), false)
  assert.equal(late.reason, `${name}: queryA ENOTFOUND`)
  zone[name] = ['10.96.7.7', 'fd00::7']
  assert.equal(await late.find('cluster.local'), true)
  assert.equal(late.address, '10.96.7.7')
  assert.equal(await late.find('cluster.local'), false, 'the same is no news')
  zone[name] = ['10.96.8.8']
  assert.equal(await late.find('cluster.local'), true)
  assert.equal(late.address, '10.96.8.8')
})

test('answers that are no ClusterIP change nothing', async () => {
  for (const [answer, reason] of [
    [[], /has no address/],
    [['10.244.0.1', '10.244.0.2'], /more than one address/],
    [['fd00::7'], /has no address/],
    [['10.96.0.10'], /one of -localip/],
  ] as const) {
    const known = service({ [variable]: '10.96.7.7' }, local, { [name]: answer })
    assert.equal(await known.find('cluster.local'), false)
    assert.equal(known.address, '10.96.7.7')
    assert.match(known.reason, reason)
  }
})

test('an address that does not answer for itself is not taken in place of one that is known', async () => {
  const zone = { [name]: ['10.1.2.3'] }
  for (const [said, moves] of [
    [{}, false],
    [{ '10.1.2.3': { [name]: ['10.9.9.9'] } }, false],
    [{ '10.1.2.3': { [name]: ['fd00::7', '10.1.2.3'] } }, true],
  ] as const) {
    const known = service({ [variable]: '10.96.7.7' }, local, zone, said)
    assert.equal(await known.find('cluster.local'), moves)
    assert.equal(known.address, moves ? '10.1.2.3' : '10.96.7.7')
  }
})
