import { once } from 'node:events'
import type { RequestListener, Server, ServerResponse } from 'node:http'
import {
  type AddressInfo,
  connect,
  createServer as createNetServer,
  type Server as NetServer,
  type Socket,
} from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import type { Handle } from '../../node/handle.js'
import { Connections } from '../connections.js'
import type { Kind } from '../kinds.js'

export const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
export const atOnce: RequestListener = (_, response) => void response.end('x')

/** Answers when it is told to. */
export function later(): { app: RequestListener; responses: ServerResponse[] } {
  const responses: ServerResponse[] = []
  return { responses, app: (_, response) => void responses.push(response) }
}

export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await turn()
}

/** A client, and all that came to it. */
export class Client {
  text = ''
  readonly socket: Socket

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1').on('error', () => {})
    this.socket.on('data', (chunk) => {
      this.text += chunk
    })
  }
}

/** Real servers and their connections, for one test. */
export class Served {
  readonly connections: Connections
  readonly #cleanups: (() => void)[] = []

  constructor(connections: Connections = new Connections()) {
    this.connections = connections
  }

  cleanup(): void {
    for (const cleanup of this.#cleanups.splice(0)) cleanup()
    this.connections.uninstall()
  }

  async listen(server: Server | NetServer): Promise<number> {
    this.connections.track(server)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    this.#cleanups.push(() => server.close())
    if ('closeAllConnections' in server) this.#cleanups.push(() => server.closeAllConnections())
    return (server.address() as AddressInfo).port
  }

  /** A client that has sent `text`, of which the server has made `kind`. */
  async client(port: number, text = '', kind?: Kind): Promise<Client> {
    const { size } = this.connections
    const made = new Client(port)
    this.#cleanups.push(() => made.socket.destroy())
    await until(() => this.connections.size > size)
    if (text) made.socket.write(text)
    if (kind) await until(() => [...this.connections.kinds().values()].at(-1) === kind)
    return made
  }

  /** The raw handle of a connection that nobody reads, as it comes from another process. */
  async stranger(): Promise<{ client: Client; handle: Handle }> {
    const server = createNetServer({ pauseOnConnect: true })
    const accepted = once(server, 'connection') as Promise<[Socket]>
    const client = new Client(await this.listen(server))
    this.#cleanups.push(() => client.socket.destroy())
    const [socket] = await accepted
    this.connections.untrack(server)
    const inner = socket as unknown as { _handle: Handle | null }
    const handle = inner._handle as Handle
    inner._handle = null
    return { client, handle }
  }

  async untilKinds(...wanted: Kind[]): Promise<void> {
    const kinds = (): string => [...this.connections.kinds().values()].sort().join()
    await until(() => kinds() === wanted.sort().join())
  }
}
