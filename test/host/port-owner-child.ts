// `node port-owner-child.ts address...`: prints who owns port 53 there.
import { portOwners } from '../../src/host/port-owner.ts'

console.log(JSON.stringify(portOwners(process.argv.slice(2), 53)))
