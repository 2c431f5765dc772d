import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  classFromName,
  className,
  Rcode,
  rcodeFromName,
  rcodeName,
  typeFromName,
  typeName,
} from '../../src/wire/codes.ts'

test('typeName() knows mnemonics and falls back to RFC 3597 form', () => {
  assert.equal(typeName(1), 'A')
  assert.equal(typeName(28), 'AAAA')
  assert.equal(typeName(65), 'HTTPS')
  assert.equal(typeName(23), 'NSAP-PTR')
  assert.equal(typeName(65280), 'TYPE65280')
})

test('className() knows mnemonics and falls back to RFC 3597 form', () => {
  assert.equal(className(1), 'IN')
  assert.equal(className(9), 'CLASS9')
})

test('rcodeName() prints what CoreDNS prints', () => {
  const known = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map(rcodeName).join(' ')
  assert.equal(
    known,
    'NOERROR FORMERR SERVFAIL NXDOMAIN NOTIMP REFUSED YXDOMAIN YXRRSET NXRRSET NOTAUTH NOTZONE',
  )
  assert.equal(rcodeName(16), 'BADVERS')
  assert.equal(rcodeName(23), 'BADCOOKIE')
  assert.equal(rcodeName(12), 'RCODE12')
})

test('names are read in any case, numbers included', () => {
  assert.equal(rcodeFromName('NXDomain'), Rcode.NXDomain)
  assert.equal(rcodeFromName('BADSIG'), 16)
  assert.equal(rcodeFromName('rcode4095'), 4095)
  assert.deepEqual(
    ['https', 'nsap-ptr', 'TYPE65535', 'type1'].map(typeFromName),
    [65, 23, 65_535, 1],
  )
  assert.deepEqual(['ch', 'CLASS42'].map(classFromName), [3, 42])
})

test('what is no name is refused', () => {
  assert.equal(rcodeFromName('RCODE4096'), undefined)
  for (const name of ['', 'TYPE', 'TYPE65536', 'TYPE1x', 'CLASS1', 'TYPE-1']) {
    assert.equal(typeFromName(name), undefined, name)
  }
  assert.equal(classFromName('CLASS65536'), undefined)
})
