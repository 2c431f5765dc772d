import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { template } from '../../../src/plugins/template/index.ts'
import { makeFinish } from '../../../src/serve/finish.ts'
import { Class, Ede, Flag, Rcode, Type } from '../../../src/wire/codes.ts'
import { readFlags } from '../../../src/wire/header.ts'
import { directivesOf } from '../../helpers/directives.ts'
import { testBlock } from '../../helpers/services.ts'
import { accepted, FakeTarget } from '../../serve/fake-target.ts'
import { a, cname, message, recordsOf } from '../../wire/message.ts'
import { Bench, shown } from './harness.ts'

const ip = '^ip-10-(?P<b>[0-9]*)-(?P<c>[0-9]*)-(?P<d>[0-9]*)[.]example[.]$'
const address = '10.{{ .Group.b }}.{{ .Group.c }}.{{ .Group.d }}'

describe('template answers', () => {
  test('with a record made of the groups that a pattern matched, under the name as the client spelt it', () => {
    const bench = new Bench(`template IN A example {
      match ${ip}
      match ^ip0a(?P<b>[a-f0-9]{2})[.]
      answer "{{ .Name }} 60 IN A ${address}"
      fallthrough
    }
    template IN A example {
      match ^ip0a(?P<b>[a-f0-9]{2})[.](x)?
      answer "{{ .Name }} 60 IN A 10.{{ parseInt .Group.b 16 8 }}.{{ len .Match }}.1{{ .Group.nope }}{{ index .Match 2 }}"
    }`)
    assert.deepEqual(bench.ask('ip-10-95-12-8.Example'), [
      'NOERROR',
      'AN ip-10-95-12-8.Example. 60 IN A 10.95.12.8',
    ])
    const [reply] = bench.send('ip-10-95-12-8.example').sent
    assert.equal(readFlags(reply!), Flag.QR | Flag.AA | Flag.RD)
    // The pattern matches, and the text is no address.
    assert.deepEqual(bench.ask('ip0aff.example'), ['SERVFAIL'])
    assert.equal(bench.ask('www.other'), 'next')
    assert.deepEqual(bench.ask('www.example'), ['SERVFAIL'])
    assert.deepEqual(bench.seen.at(-1), { answeredBy: 'template', error: null })
  })

  test('in all sections, by template, in the order of a reply', () => {
    const bench = new Bench(`template IN MX example {
      match ${ip}
      authority "example. 60 IN NS ns0.example." "example. 60 IN NS ns1.example."
      additional "ns0.example. 60 IN A 203.0.113.8"
      answer "{{ .Name }} 60 MX 10 {{ .Name }}"
      additional "{{ .Name }} 60 IN A ${address}"
    }`)
    assert.deepEqual(bench.ask('ip-10-1-2-3.example', { type: Type.MX }), [
      'NOERROR',
      'AN ip-10-1-2-3.example. 60 IN MX ip-10-1-2-3.example.',
      'NS example. 60 IN NS ns0.example.',
      'NS example. 60 IN NS ns1.example.',
      'AR ns0.example. 60 IN A 203.0.113.8',
      'AR ip-10-1-2-3.example. 60 IN A 10.1.2.3',
    ])
    assert.equal(bench.ask('ip-10-1-2-3.example'), 'next')
  })

  test('class, type and zone first, then patterns; what has none takes every name', () => {
    const bench = new Bench(
      `template IN A {
        rcode REFUSED
      }
      template IN TXT {
        match "$^"
        rcode SERVFAIL
        fallthrough
      }
      template CH TXT coredns.invalid {
        answer "{{ .Name }} 60 CH TXT \\"test\\""
      }
      template IN MX example {
        match ${ip}
        fallthrough other sub.example
      }`,
      { zones: ['test.'] },
    )
    assert.deepEqual(bench.ask('some.test'), ['REFUSED'])
    assert.equal(bench.ask('some.test', { type: Type.TXT }), 'next')
    assert.deepEqual(bench.ask('coredns.invalid', { type: Type.TXT, class: Class.CH }), [
      'NOERROR',
      'AN coredns.invalid. 60 CH TXT test',
    ])
    assert.equal(bench.ask('coredns.invalid', { type: Type.TXT }), 'next')
    assert.deepEqual(bench.ask('x.example', { type: Type.MX }), ['SERVFAIL'])
    assert.equal(bench.ask('x.sub.example', { type: Type.MX }), 'next')
  })

  test('ANY questions with the class and type of the template', () => {
    const bench = new Bench(`template IN TXT {
      answer "{{ .Name }} 60 IN TXT \\"{{ .Class }} {{ .Type }}\\""
    }`)
    const any = { type: Type.ANY, class: Class.ANY }
    assert.deepEqual(bench.ask('x.test', any).at(-1), 'AN x.test. 60 IN TXT IN TXT')
    const every = new Bench(
      'template ANY ANY {\nanswer ". TXT \\"<{{ .Class }},{{ .Type }}>\\""\n}',
    )
    const told = (type: number, klass: number): string => {
      const reply = every.ask('.', { type, class: klass })
      return reply.at(-1)!.slice('AN . 3600 IN TXT '.length)
    }
    assert.equal(told(Type.HTTPS, Class.IN), '<IN,HTTPS>')
    assert.equal(told(65_280, 77), '<,>')
    assert.equal(told(Type.ANY, Class.ANY), '<ANY,ANY>')
  })

  test('with what there is to know of the query', () => {
    const told = (text: string, name = 'a.Sub.Example', zone = 'example'): string | undefined => {
      const words = JSON.stringify(`. 1 IN TXT "${text}"`)
      const bench = new Bench(`template IN A ${zone} sub.example {\nmatch ^(a)\nanswer ${words}\n}`)
      return /TXT (.*)$/.exec(bench.ask(name).at(-1)!)?.[1]
    }
    assert.equal(told('{{ .Zone }} {{ .Name }}'), 'sub.example. a.sub.example.')
    assert.equal(told('{{ .Zone }} {{ .Name }}', 'a.b.example'), 'example. a.b.example.')
    assert.equal(told('{{ .Zone }}', 'a.b', '.'), '.')
    assert.equal(told('{{ .Regex }} {{ .Remote }}'), '^(a) 198.51.100.7')
    assert.equal(told('{{ .Match }} {{ .Group }}'), '[a a] map[0:a 1:a]')
    assert.equal(told('{{ .Question.Name }} {{ .Question.Qtype }}'), 'a.Sub.Example. 1')
    assert.equal(told('{{ .Question }}'), ';a.Sub.Example.\t1\t 1'.replace('\t1\t 1', '\tIN\t A'))
    assert.equal(told('<{{ .Meta `kubernetes/client-namespace` }}>'), '<>')
    assert.equal(
      told('{{ with .Message }}{{ .Id }} {{ .Opcode }} {{ .Rcode }} {{ len .Extra }}{{ end }}'),
      '4660 0 0 0',
    )
    assert.equal(
      told('{{ .Message.RecursionDesired }} {{ .Message.CheckingDisabled }} {{ .Message.Answer }}'),
      'true false []',
    )
    assert.equal(told('{{ range .Message.Question }}{{ .Qclass }}{{ end }}'), '1')
  })

  test('the same record to all where the text asks for little of the query', () => {
    const bench = new Bench(`template ANY ANY example invalid {
      rcode NXDOMAIN
      authority "{{ .Zone }} 60 {{ $.Class }} SOA ns.{{ .Zone }} {{ if eq .Type \`A\` }}a{{ else }}b{{ end }}. (1 60 60 60 60)"
      answer "{{ .Name }} 4294967295 IN A 192.0.2.{{ parseInt (\`11\`) 10 8 }}"
    }`)
    for (let i = 0; i < 2; i++) {
      for (const zone of ['example', 'invalid']) {
        for (const [type, class_] of [
          [Type.A, 1],
          [Type.MX, 1],
          [Type.A, 3],
        ] as const) {
          const klass = class_ === 1 ? 'IN' : 'CH'
          assert.deepEqual(bench.ask(`w${i}.${zone}`, { type, class: class_ }), [
            'NXDOMAIN',
            `AN w${i}.${zone}. 2147483647 IN A 192.0.2.11`,
            `NS ${zone}. 60 ${klass} SOA ns.${zone}.`,
          ])
        }
      }
    }
  })

  test('what takes more than a look to understand, for each query', () => {
    const bench = new Bench(`template IN TXT {
      answer "{{ define \`w\` }}{{ . }}{{ end }}. TXT {{ template \`w\` .Type }}"
      answer ". TXT {{ (.Question).Qtype }}" ". TXT {{ $x := .Zone }}<{{ $x }}>"
      answer ". TXT {{ if .Name }}{{ (index .Match 0) }}{{ else }}{{ .Zone }}{{ end }}"
      answer "{{ .Name }}x. TXT {{ print . | len }}"
    }`)
    const [reply] = bench.send('a', { type: Type.TXT }).sent
    const texts = shown(reply!).map((line) => line.split(' TXT ')[1] ?? line)
    assert.deepEqual(texts.slice(0, 5), ['NOERROR', 'TXT', '16', '<.>', 'a.'])
    assert.match(texts[5]!, /^\d+$/)
  })

  test('without a record where its text is empty', () => {
    const bench = new Bench(`template IN ANY {
      answer "{{ if eq .Type \`A\` }}{{ .Name }} 60 IN A 192.0.2.1{{ end }}"
      answer "{{ .Name }} 60 IN TXT {{ with .Type }}{{ . }}{{ end }}"
      authority "; nothing"
    }`)
    assert.deepEqual(bench.ask('x', { type: Type.MX }), ['NOERROR', 'AN x. 60 IN TXT MX'])
    assert.equal(bench.ask('x').length, 3)
  })

  test('with an extended error, to clients that have EDNS', () => {
    const lines = 'template ANY ANY {\nrcode NXDOMAIN\nederror 21 "Blocked due to RFC2606"\n}'
    for (const cached of [undefined, 'cache 30']) {
      const bench = new Bench(lines, cached === undefined ? {} : { cached })
      const [reply] = bench.send('x', { edns: true }).sent
      const { ede, optionsAt, optionsEnd } = recordsOf(reply!)
      assert.equal(ede, Ede.NotSupported)
      const text = reply!.toString('latin1', optionsAt + 6, optionsEnd)
      assert.equal(text, 'Blocked due to RFC2606')
      assert.deepEqual(bench.ask('x'), ['NXDOMAIN'])
      assert.equal(recordsOf(bench.send('x').sent[0]!).additionalCount, 0)
    }
    const failing = new Bench('template ANY ANY {\nrcode SERVFAIL\nederror 15\nanswer "x"\n}')
    const [reply] = failing.send('x', { edns: true }).sent
    assert.equal(recordsOf(reply!).ede, Ede.Blocked)
    assert.equal(readFlags(reply!) & 15, Rcode.ServFail)
  })

  test('with an rcode above 15 where the client has EDNS', () => {
    const bench = new Bench('template ANY ANY {\nrcode BADCOOKIE\n}')
    assert.equal(recordsOf(bench.send('x', { edns: true }).sent[0]!).rcode, Rcode.BadCookie)
    assert.deepEqual(bench.ask('x'), ['SERVFAIL'])
  })

  test('through the cache, as those of an upstream', () => {
    const bench = new Bench('template IN A {\nanswer "{{ .Name }} 60 IN A 192.0.2.1"\n}', {
      cached: 'cache 30',
    })
    for (const name of ['a.test', 'A.test']) {
      assert.deepEqual(bench.ask(name), ['NOERROR', `AN ${name}. 30 IN A 192.0.2.1`])
    }
    assert.deepEqual(
      bench.seen.map(({ answeredBy }) => answeredBy),
      ['template', 'cache'],
    )
  })

  test('compressed where that is more than every client takes, and cut with TC at 65,535 octets', () => {
    const long = `${'x'.repeat(60)}.`.repeat(3)
    const records = (count: number): Bench =>
      new Bench(
        `template IN SRV {\n${Array.from({ length: count }, (_, i) => `answer "{{ .Name }} 60 IN SRV 0 0 ${i} h${i}.${long}test."`).join('\n')}\n}`,
      )
    const some = records(10)
    assert.equal(some.ask('x', { type: Type.SRV }).length, 11)
    const authority = `authority "${long}test. 60 IN NS ns.${long}test."\n`
    const compressed = new Bench(`template IN SRV {\n${authority.repeat(8)}}`)
    const [reply] = compressed.send('x', { type: Type.SRV }).sent
    assert.ok(reply!.length < 600, String(reply!.length))
    assert.equal(recordsOf(reply!).authorityCount, 8)
    const all = records(400).ask('x', { type: Type.SRV })
    assert.equal(all[0], 'NOERROR TC')
    assert.ok(all.length > 300 && all.length < 350)
  })
})

describe('a CNAME record that a template made', () => {
  const lines = `template IN ANY foogle.test {
    match ^foogle[.]test[.]$
    answer "foogle.test 60 IN CNAME google.test"
    answer "{{ .Name }} 60 IN TXT x"
    additional "x. 60 IN A 192.0.2.9"
  }`
  const start = ['NOERROR', 'AN foogle.test. 60 IN CNAME google.test.']
  const end = ['AN foogle.test. 60 IN TXT x', 'AR x. 60 IN A 192.0.2.9']

  test('is followed by what its target has, names in full, for A and AAAA', () => {
    const bench = new Bench(lines)
    const target = bench.send('foogle.test')
    assert.equal(target.sent.length, 0)
    bench.upstream.answer({
      name: 'google.test',
      answer: [cname('google.test', 'edge.google.test', 7), a('edge.google.test', 8)],
    })
    assert.deepEqual(shown(target.sent[0]!), [
      ...start,
      'AN google.test. 7 IN CNAME edge.google.test.',
      'AN edge.google.test. 8 IN A 192.0.2.1',
      ...end,
    ])
    assert.deepEqual(bench.ask('foogle.test', { type: Type.MX }), [...start, ...end])
    assert.equal(bench.ask('www.test'), 'next')
  })

  test('comes alone where its target is not found, with the extended error that says why', () => {
    const bench = new Bench(lines)
    const target = bench.send('foogle.test', { edns: true })
    bench.upstream.fail()
    assert.deepEqual(shown(target.sent[0]!), [...start, ...end])
    const broken = bench.send('foogle.test')
    bench.upstream.deliver(bench.upstream.asked.shift()!, Buffer.alloc(12))
    assert.deepEqual(shown(broken.sent[0]!), [...start, ...end])
  })

  test('with TC where the answer of its target has it', () => {
    const bench = new Bench(lines)
    const target = bench.send('foogle.test')
    bench.upstream.answer({ name: 'google.test', flags: 0x8380, answer: [a('google.test')] })
    assert.equal(shown(target.sent[0]!)[0], 'NOERROR TC')
  })

  test('may lead to another template, and to itself eight times', () => {
    const bench = new Bench(`template IN A a.test b.test {
      match ^a
      answer "{{ .Name }} 60 IN CNAME b.test." "{{ .Name }} 60 IN CNAME b.test."
      fallthrough
    }
    template IN A b.test {
      answer "{{ .Name }} 60 IN A 192.0.2.1"
    }
    template IN A loop.test {
      answer "{{ .Name }} 60 IN CNAME loop.test."
    }`)
    const chain = ['AN a.test. 60 IN CNAME b.test.', 'AN b.test. 60 IN A 192.0.2.1']
    assert.deepEqual(bench.ask('a.test'), ['NOERROR', ...chain, ...chain])
    assert.equal(bench.ask('loop.test').length, 10)
    assert.deepEqual(bench.panics, [])
  })
})

test('metadata of the block is at hand', () => {
  const stages = [
    { name: 'metadata', stage: { collects: () => true } },
    { name: 'view', stage: { metadata: [{ label: 'view/name', of: () => 'inside' }] } },
  ]
  const line =
    'template IN TXT {\nanswer ". 1 IN TXT {{ .Meta `view/name` }}-{{ .Meta `view/no` }}"\n}'
  const stage = template.setup(directivesOf('template', line), testBlock({ stages }))
  const target = new FakeTarget()
  const q = accepted(message({ name: 'a.test', type: Type.TXT, flags: Flag.RD }), target)
  stage.wrap!(() => assert.fail(), makeFinish([]))(q)
  assert.deepEqual(shown(target.sent[0]!), ['NOERROR', 'AN . 1 IN TXT inside-'])
})
