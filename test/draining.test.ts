// Deploys one after the other, while clients hold the generations before.
import { expect, test } from 'vitest'
import { load, request } from './support/client/index.js'
import { get, Raw } from './support/raw.js'
import { fixture, Service } from './support/service.js'

const script = fixture('server.js')
const env = { FRAMEWORK: 'http' }

interface Draining {
  readonly pid: number
  readonly generation: number
  readonly drain?: {
    readonly connections: number
    readonly holds: readonly string[]
    readonly hammerIn: number
  }
}

async function draining(service: Service): Promise<Draining[]> {
  const target = { port: service.port() }
  const { body } = await request({ target, method: 'GET', url: '/status' })
  return (JSON.parse(body.toString()) as { draining: Draining[] }).draining
}

/** A client of the newest generation that does not leave. */
async function hold(service: Service): Promise<Raw> {
  const raw = await Raw.open(service.port())
  raw.write(get('/events?stays'))
  await raw.until((text) => text.includes('hello'))
  return raw
}

async function pidOn(raw: Raw): Promise<number> {
  raw.text = ''
  raw.write(get('/pid'))
  await raw.until((text) => text.endsWith('}'))
  return Number(/"pid":(\d+)/.exec(raw.text)?.[1])
}

test('three upgrades while a stream holds each generation: nothing is lost, and it shows who holds', async () => {
  await using service = await Service.start({ script, env })
  const target = { port: service.port() }
  const loads = [
    load({ target, connections: 8, thinkTime: [0, 20] }),
    load({ target, connections: 2, mode: 'new-connection', thinkTime: [0, 20] }),
  ]
  const streams: Raw[] = []
  const pids = [service.pid]
  for (let n = 0; n < 3; n++) {
    await Promise.all(loads.map((one) => one.progress(5)))
    streams.push(await hold(service))
    pids.push(await service.handOver())
  }
  // Each reports once a second.
  await expect
    .poll(() => draining(service), { timeout: 5_000 })
    .toMatchObject(
      pids.slice(0, 3).map((pid, generation) => ({
        pid,
        generation,
        drain: {
          connections: 1,
          holds: [expect.stringMatching(/^GET \/events\?stays, .* s old$/)],
        },
      })),
    )
  const [kept, fresh] = await Promise.all(loads.map((one) => one.stop()))
  expect([kept?.failed, kept?.reconnects, fresh?.failed]).toEqual([0, 0, 0])
  // Whoever goes first: what shows is who is left.
  for (const n of [1, 0, 2]) {
    streams[n]?.socket.destroy()
    await service.gone(pids[n] ?? 0)
  }
  await expect.poll(() => draining(service), { timeout: 5_000 }).toEqual([])
  await service.stop()
  expect(service.all({ event: 'exit' }).map(({ code }) => code)).toEqual([0, 0, 0, 0])
})

test('beyond maxDraining an upgrade is refused, with who holds them, until one is gone', async () => {
  await using service = await Service.start({ script, env, options: { maxDraining: 2 } })
  const streams = [await hold(service)]
  const second = await service.handOver()
  streams.push(await hold(service))
  await service.handOver()
  await expect
    .poll(async () => (await draining(service)).map(({ drain }) => drain?.connections), {
      timeout: 5_000,
    })
    .toEqual([1, 1])
  service.signal('SIGHUP', service.current)
  const one = (pid: number, generation: number): string =>
    `pid ${pid}, generation ${generation}, held by GET /events\\?stays, [\\d.]+ s old, hammer in \\d+ s`
  await service.untilStderr(
    new RegExp(
      `Upgrade refused: 2 older generations still drain, and maxDraining is 2: ` +
        `${one(service.pid, 0)}; ${one(second, 1)}\\. Wait, .*kill -USR2 ${service.pid}`,
    ),
  )
  service.signal('SIGUSR2', service.pid)
  await service.gone(service.pid)
  await expect.poll(async () => (await draining(service)).length).toBe(1)
  await service.handOver()
  for (const stream of streams) stream.socket.destroy()
  await service.gone(second)
  await service.stop()
})

test('a successor that dies on probation: its predecessor rises, not the one before that', async () => {
  await using service = await Service.start({ script, env, options: { probation: 60_000 } })
  const stream = await hold(service)
  const second = await service.handOver()
  const other = await hold(service)
  const third = await service.handOver()
  service.signal('SIGKILL', third)
  await service.until({ event: 'state', from: 'draining', to: 'ready', pid: second })
  expect(await draining(service)).toMatchObject([{ pid: service.pid, generation: 0 }])
  // The oldest goes on as if nothing had happened, and its successor has proved itself.
  stream.socket.destroy()
  await service.gone(service.pid)
  expect(service.all({ event: 'drain', phase: 'cancelled', pid: service.pid })).toEqual([])
  other.socket.destroy()
  await service.handOver()
  service.signal('SIGTERM', service.current)
  await service.ended
})

test('a connection that is busy over two upgrades moves on from generation to generation', async () => {
  await using service = await Service.start({ script, env })
  const busy = await Raw.open(service.port())
  // Longer than two successors take to start, on a machine that is busy with other tests.
  busy.write(get('/slow?from=drain&ms=6000'))
  await service.until({ event: 'request', path: '/slow' })
  await service.handOver()
  // What holds the one in the middle, or it would be gone before.
  const stream = await hold(service)
  const third = await service.handOver()
  await busy.until((text) => text.endsWith('}'))
  expect(busy.text).not.toMatch(/connection: close/i)
  // Idle connections are looked for once a second.
  await expect.poll(() => pidOn(busy), { timeout: 5_000 }).toBe(third)
  stream.socket.destroy()
  await service.stop()
})

test('a generation that has drained, and is on probation, takes nothing that it would cut at its exit', async () => {
  await using service = await Service.start({ script, env, options: { probation: 60_000 } })
  const busy = await Raw.open(service.port())
  busy.write(get('/slow?from=drain&ms=1500'))
  await service.until({ event: 'request', path: '/slow' })
  const second = await service.handOver()
  await service.handOver()
  await service.until({ event: 'drain', phase: 'end', pid: second })
  await busy.until((text) => text.endsWith('}'))
  // It stays where it is, and is told to go: by the response after the refusal, which no request waits for.
  while (!/connection: close/i.test(busy.text)) expect(await pidOn(busy)).toBe(service.pid)
  await busy.closed()
  await service.gone(service.pid)
  service.signal('SIGTERM')
  await service.ended
})

test('a successor that closes its listeners on probation is replaced, and so is one that lives on', async () => {
  await using service = await Service.start({
    script: fixture('deaf.js'),
    options: { probation: undefined },
  })
  const target = { port: service.port() }
  const running = load({ target, connections: 4, mode: 'new-connection', thinkTime: [0, 20] })
  await running.progress(20)
  const { successor } = await service.hup()
  await service.untilStderr(/closed its listeners on probation: this generation serves again/)
  await service.gone(Number(successor))
  await running.progress(20)
  const { failed, samples } = await running.stop()
  expect(failed, samples.join('\n')).toBe(0)
  service.signal('SIGTERM', service.pid)
  await service.ended
})

test('an app that has closed its listeners has nothing to hand over: an upgrade is refused', async () => {
  await using service = await Service.start({ script: fixture('deaf.js') })
  service.signal('SIGQUIT')
  await service.until({ event: 'closed' })
  service.signal('SIGHUP')
  await service.untilStderr(/Upgrade refused: the app has closed every listener/)
  service.signal('SIGTERM')
  await service.ended
})
