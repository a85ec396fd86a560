import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { createServer as createNetServer } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Served } from '../connections/specs/served.js'
import { Generation } from '../generation/index.js'
import type { Answer, Offer, Predecessor, Verdict } from '../handover/index.js'
import type { Handle } from '../node/index.js'
import { atOnce, type Client, get, until } from '../node/specs/servers.js'
import { Adoption } from './adoption.js'

/** A predecessor that does what a test says, and remembers what it was told. */
class SimulatedPredecessor {
  readonly answers: Answer[] = []
  alive = true
  readonly gone: Promise<void>
  dies: () => void = () => {}
  says: (verdict: Verdict) => void = () => {}

  constructor() {
    this.gone = new Promise((resolve) => {
      this.dies = () => {
        this.alive = false
        resolve()
      }
    })
  }

  onVerdict(hear: (verdict: Verdict) => void): void {
    this.says = hear
  }

  readonly poll = vi.fn()

  answer(answer: Answer): void {
    this.answers.push(answer)
  }
}

let generation = new Generation(undefined)
let served = new Served()
let predecessor = new SimulatedPredecessor()
let server: Server = createServer()
let adoption: Adoption | undefined

beforeEach(async () => {
  generation = new Generation(undefined)
  generation.machine.send('ready')
  served = new Served(generation.connections)
  predecessor = new SimulatedPredecessor()
  server = createServer(atOnce)
  await served.listen(server)
  open(server)
})

afterEach(() => {
  requestsOn.clear()
  served.cleanup()
})

function open(found: Server | ReturnType<typeof createNetServer> | undefined): Adoption {
  const serverOf = (name: string) => (name === 'tcp:::80' ? found : undefined)
  adoption = new Adoption(generation, predecessor as unknown as Predecessor, serverOf)
  return adoption
}

const offerOf = (id: number, listener = 'tcp:::80'): Offer => ({ id, listener })

/** By the requests that were answered on each, where it is not three. */
const requestsOn = new Map<number, number>()

function yours(...ids: number[]): void {
  const facts = ids.map((id) => ({ requests: requestsOn.get(id) ?? 3 }))
  predecessor.says({ endless: 'yours', ids, facts })
}

async function offer(id: number, listener?: string): Promise<Client & { handle: Handle }> {
  const { client, handle } = await served.stranger()
  adoption?.take(offerOf(id, listener), handle)
  return Object.assign(client, { handle })
}

const isAnswered = async (client: Client): Promise<void> => {
  client.socket.write(get)
  await until(() => client.text.includes('200 OK'))
}

/** Whether our end was closed, and with it the connection: nobody else has it here. */
const isClosed = (client: Client): Promise<void> => until(() => client.socket.destroyed)

describe('what is offered', () => {
  test('is held untouched, and read from when it is ours', async () => {
    const client = await offer(0)
    client.socket.write(get)
    await until(() => predecessor.answers.length === 1)
    expect(predecessor.answers).toEqual([{ endless: 'taken', ids: [0] }])
    expect([generation.connections.size, client.text]).toEqual([0, ''])
    yours(0)
    await until(() => client.text.includes('200 OK'))
    const [connection] = generation.connections
    expect(connection).toMatchObject({ requests: 4, adopted: 3 })
    expect(generation.connections.adopted).toBe(1)
  })

  test('in one turn is answered in one message', async () => {
    const strangers = [await served.stranger(), await served.stranger()]
    for (const [id, { handle }] of strangers.entries()) adoption?.take(offerOf(id), handle)
    await turn()
    await turn()
    expect(predecessor.answers).toEqual([{ endless: 'taken', ids: [0, 1] }])
    yours(0, 1)
    for (const { client } of strangers) await isAnswered(client)
  })

  test('is answered in the midst of a long turn, and whose it is heard there', async () => {
    const busy = await offer(0)
    yours(0)
    await isAnswered(busy)
    // Nobody waits: no look.
    expect(predecessor.poll).not.toHaveBeenCalled()
    const { client, handle } = await served.stranger()
    const seen: Answer[][] = []
    predecessor.poll.mockImplementationOnce(() => {
      seen.push([...predecessor.answers])
      yours(1)
    })
    server.prependOnceListener('connection', () => expect(seen).toHaveLength(1))
    server.once('request', () => {
      adoption?.take(offerOf(1), handle)
      const [, spin] = [seen.length, performance.now() + 6]
      while (performance.now() < spin) {}
    })
    busy.socket.write(`${get}${get}`)
    await isAnswered(client)
    expect(seen[0]).toContainEqual({ endless: 'taken', ids: [1] })
  })

  test('between requests is idle here; a silent one is new', async () => {
    await offer(0)
    yours(0)
    await served.untilKinds('idle')
    requestsOn.set(1, 0)
    await offer(1)
    yours(1)
    await served.untilKinds('idle', 'silent')
  })

  test('is closed when it is taken back, also when that is known first', async () => {
    const held = await offer(0)
    predecessor.says({ endless: 'keep', ids: [0, 1] })
    await isClosed(held)
    await isClosed(await offer(1))
    await turn()
    expect(predecessor.answers.slice(-2)).toEqual([
      { endless: 'kept', ids: [0] },
      { endless: 'kept', ids: [1] },
    ])
    yours(0, 1)
    await turn()
    expect(generation.connections.size).toBe(0)
  })

  test('ends when the predecessor died before it said whose it is: what that had read of it is gone', async () => {
    const [told, held, kept] = [await offer(0), await offer(1), await offer(2)]
    yours(0)
    predecessor.says({ endless: 'keep', ids: [2, 3] })
    predecessor.dies()
    await isAnswered(told)
    await isClosed(held)
    await isClosed(kept)
    await isClosed(await offer(3))
    await isClosed(await offer(4))
  })
})

test('nobody goes while it is not said whose one is', async () => {
  const ended: string[] = []
  const client = await offer(0)
  await offer(1)
  generation.machine.send('shutdown')
  void generation.connections.whenEmpty().then(() => ended.push('ended'))
  await turn()
  expect(ended).toEqual([])
  predecessor.says({ endless: 'keep', ids: [1] })
  yours(0)
  await isAnswered(client)
  expect(ended).toEqual([])
  client.socket.destroy()
  await until(() => ended.length === 1)
})

describe('what is refused', () => {
  const refused = (id: number, why: string) => ({ endless: 'refused', ids: [id], why })

  test('a name that nobody listens on', async () => {
    await isClosed(await offer(0, 'unix:/a'))
    expect(predecessor.answers).toEqual([refused(0, 'listener')])
  })

  test.each([
    ['TLS', () => createSecureServer()],
    ['no http', () => createNetServer()],
  ])('a listener that speaks %s', async (_, create) => {
    const other = create()
    await served.listen(other)
    open(other)
    await isClosed(await offer(0))
    expect(predecessor.answers).toEqual([refused(0, 'listener')])
  })

  test('more than maxConnections, those that are coming among them', async () => {
    server.maxConnections = 2
    await offer(0)
    yours(0)
    await until(() => generation.connections.size === 1)
    await offer(1)
    await isClosed(await offer(2))
    expect(predecessor.answers).toContainEqual(refused(2, 'full'))
  })

  test('any, when this generation stops', async () => {
    generation.takesConnections = false
    await isClosed(await offer(0))
    expect(predecessor.answers).toEqual([refused(0, 'stopping')])
  })

  test('one whose handle was lost on the way', () => {
    adoption?.take(offerOf(0), undefined)
    expect(predecessor.answers).toEqual([refused(0, 'lost')])
  })
})

test('requests are counted on: the one that reaches the most says close, the next gets a 503', async () => {
  server.maxRequestsPerSocket = 5
  const seen: unknown[] = []
  server.on('request', () => seen.push(server.maxRequestsPerSocket))
  const dropped = once(server, 'dropRequest')
  const client = await offer(0)
  yours(0)
  await isAnswered(client)
  expect(client.text).toMatch(/Connection: keep-alive/)
  client.text = ''
  await isAnswered(client)
  expect(client.text).toMatch(/Connection: close/)
  client.text = ''
  client.socket.write(get)
  await dropped
  await until(() => client.text.includes('503 Service Unavailable'))
  expect(seen).toEqual([5, 5])
  expect(server.maxRequestsPerSocket).toBe(5)
})

test('one that has had its most already gets a 503 at once; a malformed request changes nothing', async () => {
  server.maxRequestsPerSocket = 3
  requestsOn.set(1, 1)
  const [client, other] = [await offer(0), await offer(1)]
  yours(0, 1)
  client.socket.write(get)
  await until(() => client.text.includes('503 Service Unavailable'))
  other.socket.write('GET / HTTP/1.1\r\n\r\n')
  await until(() => other.text.includes('400 Bad Request'))
  expect(server.maxRequestsPerSocket).toBe(3)
})

test('a connection listener that throws takes no other connection with it', async () => {
  const thrown: unknown[] = []
  const original = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', (error) => thrown.push(error))
  try {
    server.prependOnceListener('connection', () => {
      throw new Error('boom')
    })
    const [, second] = [await offer(0), await offer(1)]
    yours(0, 1)
    await isAnswered(second as Client)
    expect(thrown).toEqual([new Error('boom')])
  } finally {
    process.removeAllListeners('uncaughtException')
    for (const listener of original) process.on('uncaughtException', listener)
  }
})
