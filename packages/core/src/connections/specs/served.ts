import type { Server } from 'node:http'
import type { Server as NetServer } from 'node:net'
import { afterEach } from 'vitest'
import { type Client, Servers, until } from '../../node/specs/servers.js'
import { Connections } from '../connections.js'
import type { Kind } from '../kinds.js'

/** Real servers and their connections, until the end of a test. */
export class Served extends Servers {
  connections: Connections

  constructor(connections: Connections = new Connections()) {
    super()
    this.connections = connections
  }

  override cleanup(): void {
    super.cleanup()
    this.connections.uninstall()
    this.connections = new Connections()
  }

  override listen(server: Server | NetServer): Promise<number> {
    this.connections.track(server)
    return super.listen(server)
  }

  /** A client that has sent `text`, of which the server has made `kind`. */
  async client(port: number, text = '', kind?: Kind): Promise<Client> {
    const { size } = this.connections
    const made = this.connect(port)
    await until(() => this.connections.size > size)
    if (text) made.socket.write(text)
    if (kind) await until(() => [...this.connections.kinds().values()].at(-1) === kind)
    return made
  }

  async untilKinds(...wanted: Kind[]): Promise<void> {
    const kinds = (): string => [...this.connections.kinds().values()].sort().join()
    await until(() => kinds() === wanted.sort().join())
  }
}

/** Servers of each test of this file, and their connections. */
export function servedOfEachTest(): Served {
  const served = new Served()
  afterEach(() => served.cleanup())
  return served
}
