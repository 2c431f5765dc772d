// Holds an interface until it is ended: `node interface-holder.ts name lease address...`. Says
// "ready"; renews the lease each half second.
import { openInterface } from '../../src/host/interface.ts'
import { Descriptors } from '../../src/sys/descriptors.ts'
import { libc } from '../../src/sys/libc.ts'
import { nullLog } from '../helpers/null-log.ts'

const [name = '', lease, ...addresses] = process.argv.slice(2)
const held = openInterface({
  libc: libc().libc!,
  descriptors: new Descriptors(),
  name,
  addresses,
  lease: lease === 'address' ? 'address' : 'set',
  log: nullLog,
})
setInterval(() => held.renew(), 500)
console.log('ready')
