/** A system call with what it is given: whole numbers from 0 to 2^53. */
export interface SystemCall {
  readonly number: number
  readonly arguments: readonly number[]
}

/** Processors that machine code can be written for, as Node names them. */
export type Processor = 'x64' | 'arm64'

/**
 * Machine code that makes these calls one after the other and looks at no result; the last one must
 * not return. It needs no stack and no C library, can be placed anywhere, and writes no memory itself.
 */
export function machineCode(processor: Processor, calls: readonly SystemCall[]): Buffer {
  const encode = processor === 'x64' ? encodeX64 : encodeArm64
  return Buffer.concat(calls.map(encode))
}

/** `movabs` into RDI, RSI, RDX, R10, R8 and R9, where the kernel looks for arguments. */
const MOVABS = [
  [0x48, 0xbf],
  [0x48, 0xbe],
  [0x48, 0xba],
  [0x49, 0xba],
  [0x49, 0xb8],
  [0x49, 0xb9],
] as const
const MOV_EAX = 0xb8
const SYSCALL = [0x0f, 0x05] as const

function encodeX64({ number, arguments: values }: SystemCall): Buffer {
  const moves = values.map((value, index) => {
    const move = Buffer.alloc(10)
    move.set(MOVABS[index]!)
    move.writeBigUInt64LE(BigInt(value), 2)
    return move
  })
  const call = Buffer.from([MOV_EAX, 0, 0, 0, 0, ...SYSCALL])
  call.writeUInt32LE(number, 1)
  return Buffer.concat([...moves, call])
}

/** `movz` sets 16 bits of a register and clears the others, `movk` keeps the others. */
const MOVZ = 0xd2800000
const MOVK = 0xf2800000
const SVC = 0xd4000001
/** X8 has the number of the call; arguments are in X0 and after. */
const NUMBER = 8

function encodeArm64({ number, arguments: values }: SystemCall): Buffer {
  const words = [
    ...values.flatMap((value, index) => load(index, value)),
    ...load(NUMBER, number),
    SVC,
  ]
  const code = Buffer.alloc(words.length * 4)
  for (const [index, word] of words.entries()) code.writeUInt32LE(word, index * 4)
  return code
}

/** Instructions that put a number into a register, 16 bits each. */
function load(register: number, value: number): number[] {
  return [0, 1, 2, 3].map((quarter) => {
    const bits = Math.floor(value / 2 ** (16 * quarter)) % 2 ** 16
    const instruction = quarter === 0 ? MOVZ : MOVK
    // The two fields do not reach the instruction's own bits.
    return instruction + quarter * 2 ** 21 + bits * 2 ** 5 + register
  })
}
