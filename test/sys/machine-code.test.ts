import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { machineCode } from '../../src/sys/machine-code.ts'

const calls = [
  { number: 271, arguments: [0x7f12_3456_789a, 1, 0, 4_294_967_295, 5, 6] },
  { number: 60, arguments: [0] },
]

// As objdump of binutils reads it.
describe('machineCode()', () => {
  test('x64', () => {
    const hex = [
      '48bf 9a78563412 7f0000', // movabs $0x7f123456789a,%rdi
      '48be 0100000000000000', // movabs $0x1,%rsi
      '48ba 0000000000000000', // movabs $0x0,%rdx
      '49ba ffffffff00000000', // movabs $0xffffffff,%r10
      '49b8 0500000000000000', // movabs $0x5,%r8
      '49b9 0600000000000000', // movabs $0x6,%r9
      'b8 0f010000 0f05', // mov $0x10f,%eax; syscall
      '48bf 0000000000000000',
      'b8 3c000000 0f05',
    ]
    assert.equal(machineCode('x64', calls).toString('hex'), hex.join('').replaceAll(' ', ''))
  })

  test('arm64', () => {
    const [first = [], second = []] = calls.map((call) => words(machineCode('arm64', [call])))
    assert.deepEqual(first.slice(0, 5), [
      'd28f1340', // mov x0, #0x789a
      'f2a68ac0', // movk x0, #0x3456, lsl #16
      'f2cfe240', // movk x0, #0x7f12, lsl #32
      'f2e00000', // movk x0, #0x0, lsl #48
      'd2800021', // mov x1, #0x1
    ])
    // mov x3, #0xffff; movk x3, #0xffff, lsl #16; … movk x5, #0x0, lsl #48
    assert.deepEqual([first[12], first[13], first[23]], ['d29fffe3', 'f2bfffe3', 'f2e00005'])
    const svc = 'd4000001'
    // mov x8, #0x10f; … svc #0x0
    assert.deepEqual([first[24], first.at(-1), first.length], ['d28021e8', svc, 29])
    assert.deepEqual(
      [second[0], second[4], second.at(-1), second.length],
      ['d2800000', 'd2800788', svc, 9],
    )
  })
})

function words(code: Buffer): string[] {
  return Array.from({ length: code.length / 4 }, (_, index) =>
    code.readUInt32LE(index * 4).toString(16),
  )
}
