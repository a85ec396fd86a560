// No framework: Node's own server, and the same on core.
import { createServer } from 'node:http'
import { upgrader } from '@endlessjs/core'

function create(answer) {
  return createServer((_request, response) => {
    const body = JSON.stringify(answer())
    response.setHeader('content-type', 'application/json')
    response.setHeader('content-length', Buffer.byteLength(body))
    response.end(body)
  })
}

export const bare = (answer) => create(answer).listen(0, '127.0.0.1')

export async function ours(answer) {
  const up = upgrader()
  const server = up.listen(create(answer), 0, '127.0.0.1')
  await up.ready()
  return server
}
