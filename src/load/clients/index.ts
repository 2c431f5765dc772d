import type { Manner } from '../client.ts'
import { glibc } from './glibc.ts'
import { go } from './go.ts'
import { musl } from './musl.ts'
import { reopen } from './reopen.ts'
import { serial } from './serial.ts'
import { system } from './system.ts'
import { tcp } from './tcp.ts'

/** Every manner but `raw`, which is no resolver. */
export const manners: readonly Manner[] = [glibc, musl, reopen, serial, tcp, go, system]
