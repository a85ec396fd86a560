import { createServer } from 'node:http'
import { expect, test, vi } from 'vitest'
import { get, later, until } from '../node/specs/servers.js'
import { servedOfEachTest } from './specs/served.js'

// A Node that does not keep the response on the socket.
vi.mock('../node/index.js', async (load) => ({
  ...(await load<typeof import('../node/index.js')>()),
  keepsResponses: () => false,
  responseOn: () => undefined,
}))

const served = servedOfEachTest()

test('where Node does not know which response a connection is at, we do', async () => {
  const { app, responses } = later()
  const { socket } = await served.client(await served.listen(createServer(app)), get + get)
  await until(() => responses.length === 2)
  expect(served.connections.inFlight).toBe(2)
  responses[0]?.end()
  await until(() => served.connections.inFlight === 1)
  responses[1]?.end()
  await served.untilKinds('idle')
  expect(served.connections.inFlight).toBe(0)
  socket.write(get)
  await served.untilKinds('active')
})
