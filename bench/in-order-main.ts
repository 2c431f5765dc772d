// The upstream of the scenario `in-order`: `node in-order-main.ts PORT`, UDP and TCP on 127.0.0.1.
import { InOrderServer } from '../src/commands/demo/in-order-server.ts'
import { anyName } from '../test/helpers/any-name.ts'

await InOrderServer.open(anyName, { port: Number(process.argv[2]) })
