import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { test } from 'node:test'

import { freePort } from '../../../src/commands/demo/free-port.ts'
import { freePort as ownPort } from '../../helpers/ports.ts'

test('freePort() gives the port asked for once it is free, another one until then', async () => {
  const server = createServer()
  const port = await ownPort()
  await once(server.listen(port, '127.0.0.1'), 'listening')
  const other = await freePort('127.0.0.1', port)
  assert.ok(other > 0 && other !== port)
  server.close()
  await once(server, 'close')
  assert.equal(await freePort('127.0.0.1', port), port)
})

test('freePort() rejects where no port helps', async () => {
  await assert.rejects(freePort('192.0.2.1', 5300), /EADDRNOTAVAIL/)
})
