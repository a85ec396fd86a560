import { createServer } from 'node:http'
import { afterEach, beforeEach, expect, vi } from 'vitest'
import type { Connection } from '../../connections/index.js'
import { Served } from '../../connections/specs/served.js'
import { Generation, type UpgraderOptions } from '../../generation/index.js'
import { atOnce, type Client, get, until } from '../../node/specs/servers.js'
import { Migration } from '../migration.js'
import { SimulatedSuccessor } from './simulated.js'

/** A generation with real connections, and a successor that a test speaks for. */
export class Migrating {
  readonly generation: Generation = new Generation(undefined)
  readonly served: Served = new Served(this.generation.connections)
  readonly successor: SimulatedSuccessor = new SimulatedSuccessor()
  /** What was logged. */
  readonly lines: string[] = []
  #migration: Migration | undefined

  begin(
    options: UpgraderOptions = {},
    nameOf: (connection: Connection) => string | undefined = () => 'tcp:::80',
  ): Migration {
    const note = (_: object, line: string): void => void this.lines.push(line)
    const logger = { debug: note, info: note, warn: note, error: note }
    this.generation.settings.merge({ logger, slowStart: 0, ...options })
    this.#migration = new Migration(this.generation, this.successor.successor, nameOf)
    this.#migration.walk()
    return this.#migration
  }

  offered(): number[] {
    return this.successor.offers.map(({ offer }) => offer.id)
  }

  /** So many idle connections of one server. */
  async idle(count: number): Promise<{ clients: Client[]; port: number }> {
    const port = await this.served.listen(createServer({ keepAliveTimeout: 0 }, atOnce))
    const clients: Client[] = []
    while (clients.length < count) clients.push(await this.served.client(port, get, 'idle'))
    return { clients, port }
  }

  end(): void {
    this.#migration?.cancel()
  }
}

/** A new one in each test of this file, in a time of our own. */
export function migratingInEachTest(): Pick<Migrating, keyof Migrating> {
  const toFake = [
    'setTimeout',
    'clearTimeout',
    'setInterval',
    'clearInterval',
    'performance',
  ] as const
  let one = new Migrating()

  beforeEach(() => {
    vi.useFakeTimers({ toFake: [...toFake] })
    one = new Migrating()
  })

  afterEach(() => {
    one.end()
    expect(vi.getTimerCount()).toBe(0)
    vi.useRealTimers()
    one.served.cleanup()
  })

  return new Proxy({} as Migrating, {
    get: (_, name) => {
      const value: unknown = Reflect.get(one, name)
      return typeof value === 'function' ? value.bind(one) : value
    },
  })
}

/** The client's requests are answered here. */
export async function isServedHere(client: Client): Promise<void> {
  client.text = ''
  client.socket.write(get)
  await until(() => client.text.includes('200 OK'))
}
