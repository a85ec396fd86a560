// Node's own server with a hello. The answer says which worker gave it.
import { createServer } from 'node:http'

const body = JSON.stringify({ hello: 'world', pid: process.pid })

export const server = createServer((_request, response) => {
  response.setHeader('content-type', 'application/json')
  response.setHeader('content-length', Buffer.byteLength(body))
  response.end(body)
})
