import { once } from 'node:events'
import {
  createServer,
  type RequestListener,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http'
import {
  type AddressInfo,
  connect,
  createServer as createNetServer,
  type Server as NetServer,
  type Socket,
} from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach } from 'vitest'
import type { Handle } from '../handle.js'

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

  /** Settles when it has got so many responses. */
  async answered(times = 1): Promise<void> {
    await until(() => this.text.match(/ 200 OK\r/g)?.length === times)
  }
}

/** Real servers and their clients, until the end of a test. */
export class Servers {
  readonly #cleanups: (() => void)[] = []

  cleanup(): void {
    for (const cleanup of this.#cleanups.splice(0)) cleanup()
  }

  listen(server: Server | NetServer): Promise<number> {
    return this.#listen(server)
  }

  async serve(app?: RequestListener, options: ServerOptions = {}): Promise<Server> {
    const server = createServer(options, app)
    await this.listen(server)
    return server
  }

  connect(port: number): Client {
    const client = new Client(port)
    this.#cleanups.push(() => client.socket.destroy())
    return client
  }

  /** A client that has sent `text`, and the server's end of its connection. */
  async open(server: NetServer, text = ''): Promise<{ client: Client; end: Socket }> {
    const accepted = once(server, 'connection') as Promise<[Socket]>
    const client = this.connect((server.address() as AddressInfo).port)
    const [end] = await accepted
    if (text) client.socket.write(text)
    return { client, end }
  }

  /** The raw handle of a connection that nobody reads, as it comes from another process. */
  async stranger(): Promise<{ client: Client; handle: Handle }> {
    const server = createNetServer({ pauseOnConnect: true })
    await this.#listen(server)
    const { client, end } = await this.open(server)
    const inner = end as unknown as { _handle: Handle | null }
    const handle = inner._handle as Handle
    inner._handle = null
    return { client, handle }
  }

  async #listen(server: Server | NetServer): Promise<number> {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    this.#cleanups.push(() => server.close())
    if ('closeAllConnections' in server) this.#cleanups.push(() => server.closeAllConnections())
    return (server.address() as AddressInfo).port
  }
}

/** Servers of each test of this file. */
export function serversOfEachTest(): Servers {
  const servers = new Servers()
  afterEach(() => servers.cleanup())
  return servers
}
