// What plugins say of a question beforehand is what they do with it.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { compileBlocks, type CompiledBlock } from '../../src/daemon/compile.ts'
import { explainBlock } from '../../src/admin/explain-block.ts'
import { OperatorTarget, operatorQuery } from '../../src/admin/dry-query.ts'
import { nodeFiles } from '../../src/corefile/files.ts'
import { parse } from '../../src/corefile/parse.ts'
import { knownDirectives, loadPlugins } from '../../src/plugins/index.ts'
import { Type } from '../../src/wire/codes.ts'
import { temporaryFolder } from '../helpers/nsd.ts'
import { testServices } from '../helpers/services.ts'

const options = { directives: knownDirectives, env: {}, files: nodeFiles, warn: () => {} }
const server = { name: 'dns://127.0.0.1:53', index: 0 }

async function block(directives: string): Promise<CompiledBlock> {
  const text = `.:53 {\n${directives}\nforward . 127.0.0.1:9\n}\n`
  const blocks = parse({ file: 'Corefile', text }, options)
  await loadPlugins(blocks)
  const parts = { port: 53, services: testServices(), warn: () => {}, panicked: assert.fail }
  return compileBlocks(blocks, parts)[0]!
}

/** What the first plugin but `forward` that has something to say says, and whether the matter ends there. */
function said(of: CompiledBlock, name: string, type: number = Type.A): [string, boolean] {
  const q = operatorQuery(new OperatorTarget(server), server, name, type, 0)
  const { plugins } = explainBlock(of, q)
  const says = plugins.flatMap((one) => (one.name === 'forward' ? [] : one.says)).join('; ')
  return [says, !plugins.at(-1)!.reached]
}

test('acl: the policies that may hold, down to the one that does', async () => {
  const acl = await block(`acl a.test {
 allow net 10.0.0.0/8
 block type AAAA net *
 filter net 192.0.2.0/24
}
acl b.test {
 drop
}
acl c.test {
 allow
}`)
  assert.deepEqual(said(acl, 'x.test.'), ['', false])
  assert.deepEqual(said(acl, 'a.test.'), [
    'allow net 10.0.0.0/8: clients in these networks; filter net 192.0.2.0/24: clients in these networks',
    false,
  ])
  assert.deepEqual(said(acl, 'a.test.', Type.AAAA), [
    'allow net 10.0.0.0/8: clients in these networks; block type AAAA net *: every client',
    false,
  ])
  assert.deepEqual(said(acl, 'b.test.'), ['drop: every client', true])
  assert.deepEqual(said(acl, 'c.test.'), ['allow: every client', false])
})

test('rewrite: the question that is asked instead', async () => {
  const rewrite = await block(`rewrite name exact a.test b.test
rewrite name regex (.*)\\.bad\\.test {1}..test
rewrite type ANY HINFO`)
  assert.deepEqual(said(rewrite, 'x.test.'), ['', false])
  assert.deepEqual(said(rewrite, 'A.test.'), ['asks for b.test. A instead', false])
  assert.deepEqual(said(rewrite, 'x.test.', Type.ANY), ['asks for x.test. HINFO instead', false])
  const [says, ends] = said(rewrite, 'c.bad.test.')
  assert.match(says, /^SERVFAIL: invalid name after rewrite/)
  assert.equal(ends, true)
})

test('template: the one that matches, or that nothing does', async () => {
  const template = await block(`template IN A a.test {
 match ^x[.]
 answer "{{ .Name }} 60 IN A 192.0.2.1"
 fallthrough f.a.test
}`)
  assert.deepEqual(said(template, 'x.a.test.'), [
    'IN A, names that match in a.test.: NOERROR and 1 record',
    true,
  ])
  assert.deepEqual(said(template, 'y.a.test.'), ['SERVFAIL: no pattern matches', true])
  assert.deepEqual(said(template, 'y.f.a.test.'), ['', false])
  assert.deepEqual(said(template, 'x.a.test.', Type.AAAA), ['', false])
})

test('hosts: whether it has the name, and what becomes of others', async (t) => {
  const file = join(temporaryFolder(t), 'hosts')
  writeFileSync(file, '')
  const hosts = async (more: string): Promise<CompiledBlock> =>
    block(`hosts ${file} test {\n192.0.2.1 a.test\n${more}\n}`)
  const plain = await hosts('')
  assert.deepEqual(said(plain, 'a.test.'), ['answers: it has the name', true])
  assert.deepEqual(said(plain, '1.2.0.192.in-addr.arpa.', Type.PTR), [
    'answers: it has the name',
    true,
  ])
  assert.deepEqual(said(plain, '2.2.0.192.in-addr.arpa.', Type.PTR), [
    'has no such address: it goes on',
    false,
  ])
  assert.deepEqual(said(plain, 'a.test.', Type.AAAA), [
    'answers NODATA: it has the name, and no such records',
    true,
  ])
  assert.deepEqual(said(plain, 'b.test.'), ['SERVFAIL: it does not have the name', true])
  assert.deepEqual(said(plain, 'a.test.', Type.MX)[1], true)
  assert.deepEqual(said(plain, 'a.other.'), ['', false])
  const through = await hosts('fallthrough')
  assert.deepEqual(said(through, 'b.test.'), [
    'does not have the name: it goes on (fallthrough)',
    false,
  ])
})

test('no_aaaa, any and local end what is theirs', async () => {
  const all = await block('no_aaaa test\nany\nlocal')
  assert.deepEqual(said(all, 'a.test.', Type.AAAA), ['answers NODATA to AAAA', true])
  assert.deepEqual(said(all, 'a.other.', Type.AAAA), ['', false])
  assert.deepEqual(said(all, 'a.test.', Type.ANY), [
    'answers ANY with a HINFO record (RFC 8482)',
    true,
  ])
  assert.deepEqual(said(all, 'localhost.'), ['answers: the name is this machine', true])
})

test('forward: of several the one whose zone it is, or none', async () => {
  const blocks = parse(
    {
      file: 'Corefile',
      text: '.:53 {\nforward a.test 127.0.0.1:8\nforward b.test 127.0.0.1:9\n}\n',
    },
    options,
  )
  await loadPlugins(blocks)
  const parts = { port: 53, services: testServices(), warn: () => {}, panicked: assert.fail }
  const [two] = compileBlocks(blocks, parts)
  const asked = (name: string): readonly string[] => {
    const q = operatorQuery(new OperatorTarget(server), server, name, Type.A, 0)
    const { plugins, upstreams } = explainBlock(two!, q)
    return [...plugins[0]!.says, ...upstreams.map(({ address }) => address)]
  }
  const asks = 'asks an upstream, where nobody above has answered'
  assert.deepEqual(asked('x.a.test.'), [asks, '127.0.0.1:8'])
  assert.deepEqual(asked('x.b.test.'), [asks, '127.0.0.1:9'])
  assert.deepEqual(asked('x.'), ['not for this name: it goes on'])
  assert.deepEqual(
    two!.stages[0]!.stage.inspectUpstreams!().map(({ address }) => address),
    ['127.0.0.1:8', '127.0.0.1:9'],
  )
})
