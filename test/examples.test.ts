// Every example starts by the command that its README names, takes an upgrade, and stops.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { connect } from 'node:http2'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { request, type Target } from './support/client/index.js'
import { commandsOf, root, startExample } from './support/example.js'
import { Talker } from './support/mqtt.js'
import { Raw } from './support/raw.js'
import { type Service, temporaryDirectory } from './support/service.js'

/** The demos have tests of their own; all else that has a README is an example. */
const examples = readdirSync(join(root, 'examples')).filter(
  (name) =>
    !['demo', 'live'].includes(name) && existsSync(join(root, 'examples', name, 'README.md')),
)
const commands = examples.flatMap((name) =>
  commandsOf(name).map((command) => ({ ...command, name })),
)
/** Asked over TLS. */
const speakTls = ['https', 'http2']

function certificate(): Buffer {
  return readFileSync(join(root, 'examples/cert.pem'))
}

/** Where the service listens, by what it said when it was started. */
function targetsOf(service: Service): Target[] {
  return service.all({ event: 'listen', pid: service.pid }).map(({ address }) => {
    if (typeof address === 'string') return { path: address }
    return { port: (address as { port: number }).port }
  })
}

/** It speaks a protocol of its own, and says in its first line who it is. */
async function pidOfLines(service: Service): Promise<Set<number>> {
  const raw = await Raw.open(service.port())
  await raw.until((text) => text.endsWith('\n'))
  raw.socket.destroy()
  return new Set([Number(/^welcome, this is (\d+)$/m.exec(raw.text)?.[1])])
}

/** It speaks MQTT, and tells who subscribes to it who it is. */
async function pidOfMqtt(service: Service): Promise<Set<number>> {
  const talker = await Talker.connect(service.port(), 'asks')
  await talker.client.subscribeAsync('pid')
  await talker.inbox.until('pid', 1)
  await talker.end()
  return new Set(talker.inbox.received.get('pid'))
}

/** The pids that answer `GET /`, one per listener. */
async function pids(name: string, targets: readonly Target[]): Promise<Set<number>> {
  const tls = speakTls.includes(name) && { tls: { ca: certificate(), servername: 'localhost' } }
  const answers = targets.map(async (target) => {
    const { body } = await request({ target, ...tls, method: 'GET', url: '/' })
    return (JSON.parse(body.toString()) as { pid: number }).pid
  })
  return new Set(await Promise.all(answers))
}

const speakTheirOwn: Record<string, (service: Service) => Promise<Set<number>>> = {
  lines: pidOfLines,
  mqtt: pidOfMqtt,
}

test('there is an example of each kind', () => {
  expect(examples).toEqual(
    expect.arrayContaining(['express', 'fastify', 'hooks', 'http2', 'https', 'koa', 'multi-port']),
  )
  expect(examples).toEqual(expect.arrayContaining(['sse', 'unix-socket', 'websocket']))
})

test.each(commands)('$name: $text', async (command) => {
  const { name } = command
  const directory = temporaryDirectory()
  const [PID_FILE, SOCKET] = [join(directory, 'app.pid'), join(directory, 'app.sock')]
  await using service = await startExample(command, { PID_FILE, SOCKET })
  const targets = targetsOf(service)
  const answering = (): Promise<Set<number>> =>
    (speakTheirOwn[name] ?? (() => pids(name, targets)))(service)
  expect(await answering()).toEqual(new Set([service.pid]))
  expect(readFileSync(PID_FILE, 'utf8').trim()).toBe(String(service.pid))
  const successor = await service.handOver()
  expect(successor).not.toBe(service.pid)
  expect(await answering()).toEqual(new Set([successor]))
  expect(readFileSync(PID_FILE, 'utf8').trim()).toBe(String(successor))
  await service.stop()
  const exits = service.all({ event: 'exit' }).map(({ pid, code }) => [pid, code])
  expect(new Map(exits as [number, number][])).toEqual(
    new Map([
      [service.pid, 0],
      [successor, 0],
    ]),
  )
  expect(await service.exited).toEqual({ code: 0, signal: null })
  expect(readdirSync(directory)).toEqual([])
})

test('multi-port listens twice, and is upgraded by a request too', async () => {
  await using service = await start('multi-port')
  const targets = targetsOf(service)
  expect(targets).toHaveLength(2)
  const [, admin = { port: 0 }] = targets
  const reply = await request({ target: admin, url: '/upgrade' })
  const { pid } = JSON.parse(reply.body.toString()) as { pid: number }
  await service.until({ event: 'state', to: 'draining', pid: service.pid })
  expect(await pids('multi-port', targets)).toEqual(new Set([pid]))
  await service.stop()
})

test('http2 speaks HTTP/2, before and after', async () => {
  await using service = await start('http2')
  const ask = async (): Promise<unknown> => {
    const session = connect(`https://localhost:${service.port()}`, { ca: certificate() })
    const answer = JSON.parse(await text(session.request({ ':path': '/' }))) as unknown
    session.close()
    return answer
  }
  expect(await ask()).toEqual({ pid: service.pid, http: '2.0' })
  const successor = await service.handOver()
  expect(await ask()).toEqual({ pid: successor, http: '2.0' })
  await service.stop()
})

test('hooks run in the order that the README shows', async () => {
  await using service = await start('hooks')
  service.signal('SIGUSR1')
  await service.untilStderr(/hook: pre SIGUSR1, verbose true/)
  const successor = await service.handOver()
  await service.stop()
  const whole = (number: number): RegExp => new RegExp(`\\b${number}\\b`, 'g')
  const ran = service.stderr
    .replace(whole(service.pid), '4711')
    .replace(whole(successor), '4722')
    .replace(whole(service.port()), '8000')
  const shown = readFileSync(join(root, 'examples/hooks/README.md'), 'utf8')
  // Two processes print beside each other, so each is looked at for itself.
  const of = (text: string, pid: number): string[] =>
    text.match(new RegExp(`^${pid} hook: .*`, 'gm')) ?? []
  expect(of(ran, 4722).slice(0, 3)).toEqual(of(shown, 4722))
  const [upgrade, begin] = [of(shown, 4711), of(ran, 4711).indexOf('4711 hook: pre SIGHUP, first')]
  const old = of(ran, 4711).slice(begin)
  expect(old.slice(0, 3)).toEqual(upgrade.slice(0, 3))
  // So do onDrain and the post-hook.
  expect(old.slice(3, 5).sort()).toEqual(upgrade.slice(3, 5).sort())
  expect(old.slice(5)).toEqual(upgrade.slice(5))
})

function start(name: string): Promise<Service> {
  const [command] = commandsOf(name)
  if (!command) throw new Error(`${name} has no command`)
  return startExample(command)
}
