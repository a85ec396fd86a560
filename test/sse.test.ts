// Server-Sent Events over upgrades: nothing is missed, and nothing comes twice. The example.
import { Agent, type IncomingMessage, request } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { commandsOf, startExample } from './support/example.js'
import { askOverDrain } from './support/halves.js'
import { get, Raw } from './support/raw.js'
import type { Service } from './support/service.js'

interface Received {
  readonly id: number
  readonly pid: number
}

/**
 * An EventSource as the HTML standard describes it: it comes back when a stream ends, after the time
 * that the server asked for, with the id that it had last. And strict: what is not the orderly end
 * of a well-formed stream is a failure, unless it was said that a server will die.
 */
class Events {
  readonly received: Received[] = []
  readonly failures: string[] = []
  connections = 0
  /** Streams that were cut, and forgiven. */
  cuts = 0
  forgiving = false
  readonly #port: number
  readonly #agent: Agent | false
  readonly #stop = new AbortController()
  readonly #done: Promise<void>
  #retry: number | undefined
  #watchers: (() => void)[] = []

  constructor(port: number, agent: Agent | false = false) {
    this.#port = port
    this.#agent = agent
    this.#done = this.#run()
  }

  /** Settles after that many further events, or a failure. */
  async progress(count: number): Promise<void> {
    const goal = this.received.length + count
    while (this.received.length < goal && this.failures.length === 0)
      await new Promise<void>((resolve) => this.#watchers.push(resolve))
  }

  async close(): Promise<void> {
    this.#stop.abort()
    await this.#done
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted && this.failures.length === 0) {
      try {
        await this.#read(await this.#connect())
      } catch (error) {
        if (this.forgiving) this.cuts += 1
        else if (!this.#stop.signal.aborted) this.failures.push(String(error))
      }
      await delay(this.#retry, undefined, { signal: this.#stop.signal }).catch(() => {})
    }
    this.#changed()
  }

  #connect(): Promise<IncomingMessage> {
    this.connections += 1
    const last = this.received.at(-1)
    const headers = {
      Accept: 'text/event-stream',
      ...(last && { 'Last-Event-ID': String(last.id) }),
    }
    const where = { host: '127.0.0.1', port: this.#port, path: '/events', agent: this.#agent }
    return new Promise((resolve, reject) => {
      request({ ...where, headers, signal: this.#stop.signal }, resolve)
        .on('error', reject)
        .end()
    })
  }

  async #read(response: IncomingMessage): Promise<void> {
    const type = response.headers['content-type']
    if (response.statusCode !== 200 || !type?.startsWith('text/event-stream'))
      throw new Error(`status ${response.statusCode}, ${type}`)
    let text = ''
    for await (const chunk of response.setEncoding('utf8')) {
      const blocks = (text + String(chunk)).split('\n\n')
      text = blocks.pop() ?? ''
      for (const block of blocks) this.#take(block)
    }
    if (text !== '') throw new Error(`the stream ended within an event: ${text}`)
  }

  #take(block: string): void {
    const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1]
    const [retry, id, data] = [field('retry'), field('id'), field('data')]
    if (retry !== undefined) this.#retry = Number(retry)
    if (data === undefined) return
    const { tick, pid } = JSON.parse(data) as { tick: number; pid: number }
    if (tick !== Number(id)) this.failures.push(`event ${id} is that of tick ${tick}`)
    this.received.push({ id: tick, pid })
    this.#changed()
  }

  #changed(): void {
    for (const watch of this.#watchers.splice(0)) watch()
  }
}

function start(): Promise<Service> {
  const [command] = commandsOf('sse')
  if (!command) throw new Error('no command')
  return startExample(command, { TICK: '10' })
}

/** That nothing was missed, and nothing came twice. */
function expectSeamless({ failures, received }: Events): void {
  expect(failures).toEqual([])
  const [first = { id: Number.NaN }] = received
  expect(received.map(({ id }) => id)).toEqual(received.map((_, n) => first.id + n))
}

test('three upgrades: nothing is missed, nothing comes twice', async () => {
  await using service = await start()
  const kept = new Agent({ keepAlive: true })
  const clients = Array.from({ length: 8 }, (_, n) => {
    return new Events(service.port(), n % 2 === 0 ? kept : false)
  })
  const pids = [service.pid]
  for (let n = 0; n < 3; n++) {
    await Promise.all(clients.map((client) => client.progress(20)))
    pids.push(await service.handOver())
  }
  await Promise.all(clients.map((client) => client.progress(20)))
  await Promise.all(clients.map((client) => client.close()))
  kept.destroy()
  for (const client of clients) {
    expectSeamless(client)
    expect([...new Set(client.received.map(({ pid }) => pid))]).toEqual(pids)
    // No detour by a process that is on its way out.
    expect(client.connections).toBe(4)
  }
  await service.stop()
  expect(service.all({ event: 'exit' }).map((one) => one.code)).toEqual([0, 0, 0, 0])
  expect(service.all({ event: 'hammer' })).toEqual([])
})

test('a successor that dies: the stream is cut, and nothing is missed', async () => {
  await using service = await start()
  const client = new Events(service.port())
  await client.progress(20)
  // Half a request, so that the old generation is still there when the new one dies.
  const raw = await Raw.open(service.port())
  raw.write('GET / HTTP/1.1\r\nHo')
  const { successor } = await service.hup()
  await client.progress(20)
  client.forgiving = true
  service.signal('SIGKILL', Number(successor))
  await service.until({ event: 'state', from: 'draining', to: 'ready', pid: service.pid })
  await client.progress(20)
  await client.close()
  expect(client.cuts).toBeGreaterThan(0)
  expect(client.received.at(-1)?.pid).toBe(service.pid)
  expect(client.received.map(({ pid }) => pid)).toContain(successor)
  expectSeamless(client)
  raw.socket.destroy()
  await service.stop()
})

test('a stream that is asked for while its generation drains ends at once', async () => {
  await using service = await start()
  const raw = await askOverDrain(service, get('/events'))
  await raw.until((text) => text.endsWith('0\r\n\r\n'))
  expect(raw.text).toMatch(/^HTTP\/1.1 200 OK\r\n.*retry: 50\n\n.*0\r\n\r\n$/s)
  expect(await service.exited).toEqual({ code: 0, signal: null })
  await service.stop()
})

test('an id that is no id, or too old, gets no more than is kept', async () => {
  await using service = await start()
  for (const id of ['x', '-1', '9'.repeat(400), '0']) {
    const raw = await Raw.open(service.port())
    raw.write(`${get('/events').trimEnd()}\r\nLast-Event-ID: ${id}\r\n\r\n`)
    await raw.until((text) => text.includes('data: '))
    const first = Number(/id: (\d+)/.exec(raw.text)?.[1])
    expect(first * 10).toBeGreaterThan(Date.now() - 10_000 * 10 - 5_000)
    raw.socket.destroy()
  }
  await service.stop()
})
