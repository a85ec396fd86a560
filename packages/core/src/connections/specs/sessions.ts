import { once } from 'node:events'
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  createServer,
  type Http2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

/** Both ends of an HTTP/2 session. */
export interface Pair {
  client: ClientHttp2Session
  session: ServerHttp2Session
  /** Of the streams that the app was given, in their order. */
  given: ServerHttp2Stream[]
  server: Http2Server
}

export interface Listening {
  port: number
  server: Http2Server
  session: Promise<ServerHttp2Session>
}

export async function listen(): Promise<Listening> {
  const server = createServer()
  const session = once(server, 'session').then(([one]) => one as ServerHttp2Session)
  server.listen(0)
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return { port: (server.address() as AddressInfo).port, server, session }
}

export async function pair(): Promise<Pair> {
  const { port, server, session } = await listen()
  const client = connect(`http://localhost:${port}`)
  onTestFinished(() => client.destroy())
  const given: ServerHttp2Stream[] = []
  const one = await session
  one.on('stream', (stream: ServerHttp2Stream) => given.push(stream))
  return { client, server, session: one, given }
}

export async function textOf(stream: ClientHttp2Stream): Promise<string> {
  stream.setEncoding('utf8')
  let text = ''
  for await (const chunk of stream) text += chunk
  return text
}
