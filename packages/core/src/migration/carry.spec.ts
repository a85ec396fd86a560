import { createServer as createHttp, IncomingMessage, ServerResponse } from 'node:http'
import { createServer as createTls } from 'node:https'
import { createServer, Socket } from 'node:net'
import { describe, expect, test, vi } from 'vitest'
import { atOnce, type Client, get, until } from '../node/specs/servers.js'
import { thrownBy } from '../node/specs/thrown.js'
import { type Carriage, carried, carry } from './carry.js'
import { migratingInEachTest } from './specs/migrating.js'

const here = migratingInEachTest()

interface Carried {
  readonly client: Client
  /** The server's end. */
  readonly end: Socket
  readonly port: number
}

/** A connection of a server that echoes nothing, of which the app says that. */
async function carriedConnection(carriage?: Carriage): Promise<Carried> {
  const ends: Socket[] = []
  const server = createServer((socket) => {
    ends.push(socket)
    carry(
      socket.on('data', () => {}),
      carriage,
    )
  })
  const port = await here.served.listen(server)
  const client = await here.served.client(port)
  const [end] = ends
  if (!end) throw new Error('nobody came')
  return { client, end, port }
}

/** As often as it is asked. */
const soon = (): unknown => vi.advanceTimersByTime(10)

describe('a connection of the app’s own protocol', () => {
  test('moves with its state, and the app hears that it is gone, not that it is closed', async () => {
    const heard: string[] = []
    const gone = (): void => void heard.push('gone')
    const { end } = await carriedConnection({ state: () => ({ name: 'a' }), gone })
    end.on('close', () => heard.push('close'))
    here.begin()
    expect(here.successor.offers[0]?.offer).toEqual({ id: 0, listener: 'tcp:::80', carried: true })
    here.successor.takes(0)
    await until(() => here.generation.connections.size === 0)
    expect(here.successor.verdicts).toEqual([
      { endless: 'yours', ids: [0], facts: [{ requests: 0, state: '{"name":"a"}' }] },
    ])
    expect(heard).toEqual(['gone'])
  })

  test('without a state, and with one that JSON has no word for', async () => {
    await carriedConnection()
    await carriedConnection({ state: () => undefined })
    here.begin()
    here.successor.takes(0, 1)
    expect(here.successor.verdicts).toMatchObject([{ facts: [{ requests: 0 }, { requests: 0 }] }])
    expect(JSON.stringify(here.successor.verdicts)).not.toContain('state')
  })

  test('that is busy is asked again, until it is not', async () => {
    let busy = true
    await carriedConnection({ busy: () => busy })
    here.begin()
    soon()
    expect(here.offered()).toEqual([])
    busy = false
    soon()
    expect(here.offered()).toEqual([0])
  })

  test('that is always busy is read no more for a while, longer each time, and then left alone', async () => {
    let heard = 0
    const { client, end } = await carriedConnection({ busy: () => true })
    end.on('data', (bytes: Buffer) => {
      heard += bytes.length
    })
    here.begin()
    const hears = async (): Promise<boolean> => {
      const before = heard
      client.socket.write('x')
      for (let n = 0; n < 50 && heard === before; n++) await new Promise(setImmediate)
      return heard > before
    }
    const found: [at: number, hears: boolean][] = []
    let at = 0
    for (const step of [50, 100, 400, 100, 900, 200, 1_800, 200, 5_000]) {
      vi.advanceTimersByTime(step)
      at += step
      found.push([at, await hears()])
    }
    expect(found).toEqual([
      [50, true],
      [150, false],
      [550, false],
      [650, true],
      [1_550, false],
      [1_750, true],
      [3_550, false],
      [3_750, false],
      [8_750, true],
    ])
    expect(here.offered()).toEqual([])
  })

  test('that became busy before it was taken is kept, and offered again', async () => {
    let busy = false
    await carriedConnection({ busy: () => busy })
    here.begin()
    busy = true
    here.successor.takes(0)
    expect(here.successor.verdicts).toEqual([{ endless: 'keep', ids: [0] }])
    await new Promise(process.nextTick)
    busy = false
    soon()
    expect(here.offered()).toEqual([0, 1])
  })

  test('with something that was read and not consumed stays until it is', async () => {
    const { client, end } = await carriedConnection()
    end.pause()
    client.socket.write('abc')
    await until(() => end.readableLength === 3)
    here.begin()
    soon()
    expect(here.offered()).toEqual([])
    end.resume()
    await until(() => end.readableLength === 0)
    soon()
    expect(here.offered()).toEqual([0])
  })

  test('what the app writes once it is the successor’s is not sent', async () => {
    const { client, end } = await carriedConnection()
    here.begin()
    here.successor.takes(0)
    end.write('late')
    await until(() => here.generation.connections.size === 0)
    await new Promise(setImmediate)
    expect(client.text).toBe('')
  })

  test('or is, when it stays after all', async () => {
    const { client, end } = await carriedConnection()
    here.begin()
    here.successor.verdictError = new Error('EPIPE')
    here.successor.takes(0)
    end.write('late')
    await until(() => client.text === 'late')
    expect(here.generation.connections.size).toBe(1)
  })

  test.each<[string, Carriage, RegExp]>([
    [
      'that throws',
      {
        state: () => {
          throw new Error('boom')
        },
      },
      /cannot move with its state/,
    ],
    ['that is too large', { state: () => 'x'.repeat(100) }, /cannot move with its state/],
    [
      'that is a circle',
      {
        state: () => {
          const a: unknown[] = []
          a.push(a)
          return a
        },
      },
      /cannot move/,
    ],
  ])('with a state %s stays for good, and the log says so', async (_, carriage, line) => {
    const { client, end } = await carriedConnection(carriage)
    const moving = here.begin({ carryLimit: 99 })
    here.successor.takes(0)
    expect(here.successor.verdicts).toEqual([{ endless: 'keep', ids: [0] }])
    expect(here.lines).toEqual([expect.stringMatching(line)])
    moving.walk()
    soon()
    expect(here.offered()).toEqual([0])
    end.write('still here')
    await until(() => client.text === 'still here')
  })

  test('whose busy() or gone() throws: it is said', async () => {
    const boom = (): never => {
      throw new Error('boom')
    }
    await carriedConnection({ busy: boom })
    await carriedConnection({ gone: boom })
    here.begin()
    soon()
    here.successor.takes(0)
    await until(() => here.generation.connections.size === 1)
    expect(here.lines).toEqual([
      'busy() of carry() threw: that connection drains',
      'gone() of carry() threw',
    ])
  })
})

describe('carry()', () => {
  test.each<[string, Carriage, RegExp]>([
    [
      'a word that is none',
      { bussy: () => true } as Carriage,
      /expected busy, state or gone, received "bussy"/,
    ],
    [
      'what is no function',
      { state: 7 } as unknown as Carriage,
      /"state": expected a function, received number/,
    ],
  ])('refuses %s', (_, carriage, message) => {
    expect(thrownBy(() => carry(new Socket(), carriage))).toMatchObject({
      code: 'ERR_ENDLESS_OPTION',
      message: expect.stringMatching(message),
    })
  })

  test('refuses a connection of HTTP, and one that nobody has accepted', async () => {
    const server = createHttp(atOnce)
    const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve))
    await here.served.client(await here.served.listen(server), get, 'idle')
    for (const socket of [await accepted, new Socket()])
      expect(thrownBy(() => carry(socket))).toMatchObject({ code: 'ERR_ENDLESS_UNSUPPORTED' })
  })
})

describe('a response in progress', () => {
  async function answering(
    text: string,
    carriage?: Carriage,
  ): Promise<{ response: ServerResponse; thrown: unknown; client: Client }> {
    const responses: ServerResponse[] = []
    const server = createHttp((_, response) => void responses.push(response))
    const port = await here.served.listen(server)
    const client = await here.served.client(port, text)
    await until(() => responses.length > 0)
    const [response] = responses
    if (!response) throw new Error('nobody asked')
    return { response, client, thrown: thrownBy(() => carry(response, carriage)) }
  }

  test('goes along with its request, what was said of it, and the state', async () => {
    const gone = vi.fn()
    const { response, client } = await answering(get, { state: () => 1, gone })
    const closed = vi.fn()
    response.on('close', closed)
    response.writeHead(200, { 'content-type': 'a/b' }).write('x')
    await until(() => client.text.includes('x'))
    here.begin()
    expect(here.successor.offers[0]?.offer).toMatchObject({ carried: true, replayed: true })
    here.successor.takes(0)
    const answer = '200\ncontent-type: a/b\ntransfer-encoding: chunked'
    expect(here.successor.verdicts).toEqual([
      { endless: 'yours', ids: [0], facts: [{ requests: 0, head: get, answer, state: '1' }] },
    ])
    await until(() => here.generation.connections.size === 0)
    expect(gone).toHaveBeenCalledOnce()
    expect(closed).not.toHaveBeenCalled()
  })

  test('of which nothing was said yet', async () => {
    await answering(get)
    here.begin()
    here.successor.takes(0)
    expect(here.successor.verdicts).toMatchObject([{ facts: [{ head: get, answer: '' }] }])
  })

  test('that is over is a connection like any other', async () => {
    const { response, client } = await answering(get)
    response.end('x')
    await client.answered()
    await until(() => response.closed)
    here.begin()
    expect(here.successor.offers[0]?.offer).toEqual({ id: 0, listener: 'tcp:::80' })
    carry(response)
    here.successor.takes(0)
    expect(here.successor.verdicts).toMatchObject([{ facts: [{ requests: 1 }] }])
  })

  test('that is compressed stays, and the log says why', async () => {
    const { response, client } = await answering(get)
    response.writeHead(200, { 'content-encoding': 'br' }).write('x')
    await until(() => client.text.includes('x'))
    here.begin()
    here.successor.takes(0)
    expect(here.successor.verdicts).toEqual([{ endless: 'keep', ids: [0] }])
    expect(here.lines).toContain('A connection cannot move with its state, and drains')
  })

  test('of a request that a test has injected stays as it is', () => {
    const response = new ServerResponse(new IncomingMessage(new Socket()))
    carry(response)
    expect(carried(response)).toBeUndefined()
    response.end()
  })

  test('over TLS cannot: its keys are in this process', () => {
    const socket = Object.assign(new Socket(), { server: createTls() })
    const response = new ServerResponse(new IncomingMessage(socket))
    expect(thrownBy(() => carry(response))).toMatchObject({ code: 'ERR_ENDLESS_UNSUPPORTED' })
  })

  test.each([
    ['Content-Length: 1\r\n\r\nx', 'expected a request without a body, received POST with one'],
    [
      'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      'expected a request without a body, received POST with one',
    ],
  ])('to a request with a body cannot: %j', async (rest, message) => {
    const { thrown } = await answering(`POST / HTTP/1.1\r\nHost: a\r\n${rest}`)
    expect(thrown).toMatchObject({ code: 'ERR_ENDLESS_UNSUPPORTED' })
    expect(String(thrown)).toContain(message)
  })
})
