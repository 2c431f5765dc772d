import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'

import { contentPolicy, type PageData, renderPage } from '../../../src/admin/page/render.ts'
import {
  deadUpstream,
  healthy,
  hostile,
  hostileTexts,
  justStarted,
  manyBlocks,
  seen,
  suspended,
} from './fixtures.ts'

const pages: Readonly<Record<string, PageData>> = {
  healthy,
  suspended,
  deadUpstream,
  manyBlocks,
  justStarted,
  hostile,
}
const ELEMENTS = new Set(
  `a bdi body button caption code dd details div dl dt figcaption figure footer g h1 h2 h3 head header html li link
   main meta nav noscript p path rect script section span strong style summary svg table tbody td th thead time title
   tr ul wbr`.split(/\s+/),
)
const ATTRIBUTES = new Set(
  `aria-hidden aria-label aria-labelledby charset class content d data-label data-part data-revision datetime height
   hidden href http-equiv id lang name preserveAspectRatio rel role scope title type viewBox width`.split(
    /\s+/,
  ),
)
const VOID = new Set(['link', 'meta', 'wbr'])

const rendered = async (data: PageData): Promise<string> => String(await renderPage(data))

/** The page without the text of its own script and style. */
function bare(html: string): string {
  return html
    .replace(/(<style>)[^]*?<\/style>/, '$1</style>')
    .replace(/(<script>)[^]*?<\/script>/, '$1</script>')
}

/** What a reader sees, roughly. */
function textOf(html: string): string {
  return bare(html)
    .replace(/<\/?(?:a|bdi|code|time|wbr)\b[^>]*>/g, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(
      /&(lt|gt|quot|#39|amp);/g,
      (_, name: string) => ({ lt: '<', gt: '>', quot: '"', '#39': "'", amp: '&' })[name]!,
    )
    .replace(/\s+/g, ' ')
}

describe('every page', () => {
  for (const [name, data] of Object.entries(pages)) {
    test(`(${name}) is well-formed, of known elements and attributes alone`, async () => {
      const html = bare(await rendered(data))
      const open: string[] = []
      const ids = new Set<string>()
      const between = html
        .replace(/<!doctype html>/, '')
        .replace(
          /<(\/?)([a-z0-9]+)((?:\s+[a-zA-Z-]+(?:="[^"<>]*")?)*)\s*(\/?)>/g,
          (tag, end: string, element: string, attributes: string, closed: string) => {
            assert.ok(ELEMENTS.has(element), tag)
            for (const [, attribute = '', value] of attributes.matchAll(
              /([a-zA-Z-]+)(?:="([^"]*)")?/g,
            )) {
              assert.ok(ATTRIBUTES.has(attribute), tag)
              if (attribute === 'id') assert.ok(!ids.has(value!) && ids.add(value!), tag)
              if (attribute === 'href')
                assert.match(value!, /^(#[a-z]+|v1\/[a-z]+|metrics|data:image\/svg\+xml,.*)$/)
            }
            if (end !== '') assert.equal(open.pop(), element)
            else if (closed === '' && !VOID.has(element)) open.push(element)
            return ''
          },
        )
      assert.deepEqual(open, [])
      assert.doesNotMatch(between, /[<>]/)
      assert.doesNotMatch(html, /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\uFFFD]/u)
      for (const [, to = ''] of html.matchAll(/href="#([^"]*)"/g)) assert.ok(ids.has(to), to)
      for (const [, to = ''] of html.matchAll(/labelledby="([^"]*)"/g)) assert.ok(ids.has(to), to)
    })

    test(`(${name}) is of bounded size`, async () => {
      assert.ok((await rendered(data)).length < 256 * 1024)
    })
  }
})

test('a page of the longest texts is whole too', async () => {
  const view = '你'.repeat(512)
  const blocks = manyBlocks.status.blocks.map((block) => ({ ...block, view }))
  const html = await rendered({ ...manyBlocks, status: { ...manyBlocks.status, blocks } })
  assert.ok(Buffer.byteLength(html) > 256 * 1024, String(Buffer.byteLength(html)))
  assert.match(html, /^<!doctype html>/)
  assert.ok(html.endsWith('</html>\n'))
  assert.ok(!html.includes('\0'))
})

test('the policy allows this script and this style, and nothing else', async () => {
  const html = await rendered(healthy)
  const hash = (element: string): string => {
    const [, text = ''] = new RegExp(`<${element}>([^]*?)</${element}>`).exec(html) ?? []
    return `'sha256-${createHash('sha256').update(text).digest('base64')}'`
  }
  assert.equal(
    contentPolicy,
    `default-src 'none'; style-src ${hash('style')}; script-src ${hash('script')}; connect-src 'self'; ` +
      `img-src data:; base-uri 'none'; form-action 'none'`,
  )
  const inPage = /Content-Security-Policy" content="([^"]*)"/.exec(html)?.[1]
  assert.equal(inPage?.replaceAll('&#39;', "'"), contentPolicy)
  // It binds only what comes after it.
  assert.ok(html.indexOf('Content-Security-Policy') < html.indexOf('<link'))
})

test('what others have written is shown as they wrote it, as far as it can be', async () => {
  const text = textOf(await rendered(hostile))
  for (const shown of hostileTexts.slice(0, 4)) assert.ok(text.includes(shown), shown)
  for (const shown of [
    'evil\\u202egnp.exe',
    'two\\nlines\\tand \\x00\\x1b[31m',
    '\\ud800lone\\udfff',
  ])
    assert.ok(text.includes(shown), shown)
})

describe('all that is there is shown', () => {
  const has = async (data: PageData, ...texts: string[]): Promise<void> => {
    const text = textOf(await rendered(data))
    for (const one of texts) assert.ok(text.includes(one), one)
  }

  test('of a healthy node', async () => {
    await has(
      healthy,
      'All is well · worker-7.eu-west · dnslet',
      'All is well Queries of this node to 169.254.20.10 and 10.96.0.10 come here: 13,312 queries in the last minute',
      '0.1.0, up 3 d 9 h, as of 03:12:45 UTC',
      'NOERROR 83,078 55 % 21,400,100',
      'pod 40,120,300 97.3 %',
      '10.96.0.11:53 tcp cluster.local:53 answers 1.4 ms 2 3 1,284,213 0 none',
      'no answer within 1.1 s, 1 h 32 min ago',
      'license.vendor.example. AAAA UDP NOERROR 412 ms backup/nightly-28912345-vv7tm 10.244.3.31 forward from 192.168.10.2:53',
      'Those of the last 251 queries that took 200 ms or failed',
      'Of 35,210 queries since 03:10:23 (2 min): counting begins when somebody looks',
      'checkout.shop.svc.cluster.local. 5,120 14.5 %',
      '1,298–1,310 3.7 %',
      'prometheus → errors → loop → cache → forward 1,204 of 9,984 3,870 of 9,984 1.6 MiB',
      'State Active: queries are led here Addresses 169.254.20.10, 10.96.0.10 Interface tun Rules nft',
      'Corefile /etc/dnslet/Corefile Its hash 5a0b4a2f63c1de00 Loaded 00:57:45, 2 h 15 min ago In use the configured one',
    )
  })

  test('of trouble, the gravest first', async () => {
    await has(
      deadUpstream,
      '3 problems · worker-7',
      'No upstream answers for cluster.local:53 and in-addr.arpa:53 10.96.0.11:53: three probes',
      'Problem: 8 % of the answers of the last minute are SERVFAIL',
      'and 20 more',
    )
    await has(
      suspended,
      'Suspended: queries go to kube-dns',
      'In use the last good one',
      'kube-dns answers this node.',
      'by the last good one, loaded 2 h 15 min ago.',
      'no answer within 1 s 7 such lines since 02:32:14',
    )
    const lone = {
      ...healthy,
      status: {
        ...healthy.status,
        interception: { ...healthy.status.interception, state: 'none' as const, addresses: [] },
      },
    }
    await has(lone, 'Queries to 169.254.20.10:53 and 10.96.0.10:53 are answered: 13,312')
  })

  test('an upstream that blocks share once, and apart where their figures differ', async () => {
    const { status } = healthy
    const [first, ...others] = status.blocks
    const shared = {
      ...status,
      blocks: [first!, ...others.map((one) => ({ ...one, upstreams: first!.upstreams }))],
    }
    const rows = async (of: typeof status): Promise<number> =>
      /id="upstreams"[^]*?<\/section>/
        .exec(await rendered({ ...healthy, status: of }))![0]
        .match(/<tr/g)!.length - 1
    assert.equal(await rows(shared), 1)
    assert.equal(await rows(status), status.blocks.flatMap(({ upstreams }) => upstreams).length)
    await has(
      { ...healthy, status: shared },
      'cluster.local:53, in-addr.arpa:53, ip6.arpa:53 and .:53',
    )
  })

  test('of a thousand blocks sixty, and those in trouble of their upstreams', async () => {
    const html = await rendered(manyBlocks)
    const rows = (id: string): number =>
      (new RegExp(`id="${id}"[^]*?</section>`).exec(html)?.[0].match(/<tr/g)?.length ?? 0) - 1
    assert.deepEqual([rows('blocks'), rows('upstreams')], [60, 20])
    await has(
      manyBlocks,
      '1,000 server blocks',
      'and 940 more',
      'and 1,980 more',
      '10.7.3.227:53 tcp tenant-995.example:53 three probes',
    )
  })

  test('where nothing has happened yet, in words', async () => {
    await has(
      justStarted,
      'Not ready yet',
      'No answer yet.',
      'Nobody has asked yet.',
      'No query has been looked at yet',
      'Names: none yet.',
      'Counting begins when somebody looks, as you do now.',
      'No warning and no error since the start.',
      'not asked yet',
      'Corefile standard input',
    )
    const { status } = healthy
    const justAsked = {
      ...justStarted,
      status: { ...status, totals: { ...status.totals, queries: 7 } },
    }
    await has(justAsked, '10.96.0.10 come here: 7 queries so far.')
    await has({ ...healthy, top: null }, 'Nobody counts names and clients at the moment.')
    await has({ ...healthy, queries: [seen(0)] }, 'None of the last 1 query took 200 ms or failed.')
    await has(
      {
        ...healthy,
        queries: [
          seen(0, { name: '', rcode: 'DROPPED', plugin: '' }),
          seen(1, { name: 'a.'.repeat(99), rcode: 'SERVFAIL' }),
          seen(2, { milliseconds: 1_801, isStale: true, upstream: '10.96.0.11:53' }),
          seen(3, { milliseconds: 230, isStale: true }),
          seen(4, { milliseconds: 230 }),
        ],
      },
      'not readable UDP DROPPED',
      'nobody',
      'cache, with an expired answer: 10.96.0.11:53 was late or failed ',
      'x2x9p 10.244.3.17 cache, with an expired answer 0',
      'x2x9p 10.244.3.17 cache 0',
    )
    const nameless = {
      ...healthy.status,
      node: '',
      blocks: [],
      errors: [],
      totals: justStarted.status.totals,
    }
    await has(
      { ...healthy, status: nameless },
      'dnslet 0.1.0, up',
      'No block asks an upstream.',
      'No block.',
    )
  })
})

test('a block whose queries nobody measures leaves the map empty, not the page', async () => {
  const steps = healthy.traffic.steps.map((one) => ({ ...one, rcodes: {}, latency: [] }))
  const text = textOf(await rendered({ ...healthy, traffic: { ...healthy.traffic, steps } }))
  assert.ok(text.includes('Latency, p50 – p99 –'), text)
  assert.ok(text.includes('Failures – 0 of 0 answers'), text)
  assert.ok(text.includes('measured only in blocks with the plugin prometheus'), text)
})
