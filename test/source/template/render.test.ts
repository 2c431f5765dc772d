import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  leftPlaceholders,
  render,
  type TemplateValues,
} from '../../../src/source/template/render.ts'

const values: TemplateValues = {
  localIps: ['169.254.20.10', '10.96.0.10'],
  upstream: '10.96.7.7',
  upstreamServers: [],
  prometheus: ':9253',
}
const forward = (options: string): string =>
  `. {\n    forward . __PILLAR__UPSTREAM__SERVERS__ ${options}\n    errors\n}\n`

test('every placeholder of the original is replaced', () => {
  const base =
    'cluster.local:53 {\n  bind __PILLAR__LOCAL__DNS__ __PILLAR__DNS__SERVER__\n' +
    '  forward . __PILLAR__CLUSTER__DNS__ {\n    force_tcp\n  }\n}\n' +
    '.:53 {\n  forward . __PILLAR__UPSTREAM__SERVERS__\n  prometheus __PROMETHEUS__ENDPOINT__\n}\n'
  assert.equal(
    render(base, values),
    'cluster.local:53 {\n  bind 169.254.20.10 10.96.0.10 \n' +
      '  forward . 10.96.7.7 {\n    force_tcp\n  }\n}\n.:53 {\n  forward . /etc/resolv.conf\n' +
      '  prometheus :9253\n}\n',
  )
})

test('upstream servers are asked over UDP, however force_tcp is spaced, and lines stay in place', () => {
  const own = { ...values, upstreamServers: ['192.0.2.1', '192.0.2.2:54'] }
  for (const [options, left] of [
    ['{\n            force_tcp\n    }', '{\n\n    }'],
    ['{\n\tforce_tcp # why\n\t}', '{\n\n\t}'],
    ['{ force_tcp\n    max_concurrent 9\n  }', '{\n    max_concurrent 9\n  }'],
    ['{\r\n  max_concurrent 9\r\n  force_tcp\r\n}', '{\r\n  max_concurrent 9\r\n\n}'],
    ['', ''],
  ] as const) {
    const rendered = render(forward(options), own)
    assert.equal(rendered, `. {\n    forward . 192.0.2.1 192.0.2.2:54 ${left}\n    errors\n}\n`)
  }
})

test("force_tcp stays for the node's own servers, and for the cluster in any case", () => {
  const options = '{\n  force_tcp\n}'
  assert.match(render(forward(options), values), /forward \. \/etc\/resolv\.conf \{\n  force_tcp/)
  const cluster = 'a {\n  forward . __PILLAR__CLUSTER__DNS__ {\n    force_tcp\n  }\n}\n'
  const own = { ...values, upstreamServers: ['192.0.2.1'] }
  assert.match(render(cluster + forward(options), own), /10\.96\.7\.7 \{\n    force_tcp/)
})

test('an address that is not known is nobody\'s, never "<nil>"', () => {
  const base = 'forward . __PILLAR__CLUSTER__DNS__\nforward . __PILLAR__CLUSTER__DNS__:5353\n'
  assert.equal(
    render(base, { ...values, upstream: null }),
    'forward . 127.0.0.1:9\nforward . 127.0.0.1:9\n',
  )
  assert.equal(
    render(base, { ...values, upstream: 'fd00::7' }),
    'forward . fd00::7\nforward . [fd00::7]:5353\n',
  )
})

test('what the installer should have replaced is found, once each', () => {
  const text = render(
    '__PILLAR__DNS__DOMAIN__ __PILLAR__LOCAL__DNS__ __PILLAR__DNS__DOMAIN__',
    values,
  )
  assert.deepEqual(leftPlaceholders(text), ['__PILLAR__DNS__DOMAIN__'])
  assert.deepEqual(leftPlaceholders('. {\n}\n'), [])
})
