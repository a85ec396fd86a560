// An app without a supervisor that sets `controlSocket`, and the real command.
import { existsSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { ControlClient, EndlessError } from '@endlessjs/core/control'
import { expect, onTestFinished, test } from 'vitest'
import { startAuto } from './support/auto.js'
import { load, request } from './support/client/index.js'
import { Command, type Ended } from './support/command.js'
import { isAlive } from './support/processes.js'
import { fixture, Service, type StartOptions, temporaryDirectory } from './support/service.js'

const script = fixture('server.js')
/** Of what comes as soon as the machine lets it. */
const patient = { timeout: 30_000 }

interface Controlled {
  readonly service: Service
  readonly path: string
  /** The command, with this service as its target. */
  endless(...words: string[]): Command
}

async function start({ options, ...given }: Partial<StartOptions> = {}): Promise<Controlled> {
  const directory = temporaryDirectory()
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  const path = join(directory, 'app.sock')
  const service = await Service.start({
    script,
    ...given,
    options: { controlSocket: path, ...options },
  })
  const endless = (...words: string[]): Command => new Command([...words, '--control', path])
  return { service, path, endless }
}

interface StatusAsJson {
  readonly pid: number
  readonly workers: readonly {
    readonly pid: number
    readonly generation: number
    readonly draining: readonly { readonly pid: number; readonly holds: readonly string[] }[]
  }[]
}

async function status({ endless }: Controlled): Promise<StatusAsJson> {
  const { code, stdout, stderr } = await endless('status', '--json').ended
  expect(code, stderr).toBe(0)
  return JSON.parse(stdout) as StatusAsJson
}

function phases({ stdout }: Ended): string[] {
  const lines = stdout.trimEnd().split('\n')
  return lines.flatMap((line) => {
    const { event } = JSON.parse(line) as { event?: { phase: string } }
    return event ? [event.phase] : []
  })
}

test('a reload under load: no request is lost, and it exits 0 when the probation is over', async () => {
  const controlled = await start({ options: { probation: 300 } })
  await using service = controlled.service
  const traffic = load({ target: { port: service.port() }, connections: 10 })
  await traffic.progress(50)
  const old = service.current
  const ended = await controlled.endless('reload', '--json').ended
  expect(ended.code, ended.stderr).toBe(0)
  expect(phases(ended)).toEqual(['starting', 'spawned', 'ready', 'serving', 'probation'])
  expect(service.current).not.toBe(old)
  const result = JSON.parse(ended.stdout.trimEnd().split('\n').at(-1) ?? '') as object
  expect(result).toEqual({ result: { release: process.cwd() } })
  await traffic.progress(50)
  const { failed, ok, sent, samples } = await traffic.stop()
  expect(failed, samples.join('\n')).toBe(0)
  expect(ok).toBe(sent)
  await service.stop()
  expect(existsSync(controlled.path)).toBe(false)
})

test('a release that crashes at its start: exit 1, with its last lines, and the old one serves', async () => {
  const controlled = await start()
  await using service = controlled.service
  service.control({ import: 'throw' })
  const { code, stderr } = await controlled.endless('reload').ended
  expect(code).toBe(1)
  expect(stderr).toMatch(/ERR_ENDLESS_SUCCESSOR_EXITED[\s\S]*boom at import/)
  service.control({})
  expect(await status(controlled)).toMatchObject({ pid: service.pid })
  expect((await controlled.endless('reload').ended).code).toBe(0)
  await service.stop()
})

test('a release that is never ready: exit 1', async () => {
  const controlled = await start({ options: { readyTimeout: 4_000 } })
  await using service = controlled.service
  service.control({ beforeReady: 'hang' })
  const { code, stderr } = await controlled.endless('reload').ended
  expect(code).toBe(1)
  expect(stderr).toMatch(/ERR_ENDLESS_READY_TIMEOUT/)
})

test('a release that dies on probation: exit 5, and the old one answers again', async () => {
  const controlled = await start({ options: { probation: 60_000 } })
  await using service = controlled.service
  const reload = controlled.endless('reload')
  await reload.until('probation')
  const [{ successor } = { successor: 0 }] = service.all({ event: 'upgrade', phase: 'ready' })
  service.signal('SIGKILL', Number(successor))
  const { code, stderr } = await reload.ended
  expect(code).toBe(5)
  expect(stderr).toMatch(/ERR_ENDLESS_PROBATION.*died on probation/)
  expect(await status(controlled)).toMatchObject({ pid: service.pid })
  // And once more, from there.
  const again = controlled.endless('reload')
  await again.until('probation')
  expect((await status(controlled)).pid).not.toBe(service.pid)
})

test('where the failed release took the socket with it, the old one makes it anew', async () => {
  const controlled = await start({ options: { probation: 60_000 }, script: fixture('deaf.js') })
  await using service = controlled.service
  const { code, stderr } = await controlled.endless('reload').ended
  expect(code).toBe(5)
  expect(stderr).toMatch(/closed its listeners on probation/)
  // Told to stop by the old one, and in order.
  const { successor } = await service.until({ event: 'upgrade', phase: 'ready' })
  await service.until({ event: 'exit', pid: successor })
  await service.gone(Number(successor))
  await expect.poll(async () => (await controlled.endless('status').ended).code, patient).toBe(0)
})

test('busy is exit 4; --wait comes after it, in the process that serves by then', async () => {
  const controlled = await start()
  await using service = controlled.service
  service.control({ beforeReady: 'wait' })
  const first = controlled.endless('reload')
  await first.until('spawned')
  const busy = await controlled.endless('reload').ended
  expect(busy.code).toBe(4)
  const client = await ControlClient.connect(controlled.path)
  const held = client.request('reload', { wait: true })
  const waiting = controlled.endless('reload', '--wait', '--json')
  // What was asked before this is under way.
  expect(await client.request('status')).toMatchObject({ pid: service.pid, state: 'upgrading' })
  service.control({})
  expect((await first.ended).code).toBe(0)
  // It is for whoever serves now, whom the command asks then.
  expect(await held).toEqual({ moved: true })
  client.close()
  const after = await waiting.ended
  expect(after.code, after.stderr).toBe(0)
  expect((await status(controlled)).workers[0]?.generation).toBe(2)
})

test('on probation it is busy as well, whoever answers', async () => {
  const controlled = await start({ options: { probation: 60_000 } })
  await using service = controlled.service
  const first = controlled.endless('reload')
  await first.until('probation')
  expect((await status(controlled)).pid).not.toBe(service.pid)
  expect((await controlled.endless('reload').ended).code).toBe(4)
  service.signal('SIGUSR2', service.pid)
  const { code, stderr } = await first.ended
  expect(code).toBe(1)
  expect(stderr).toMatch(/ERR_ENDLESS_STOPPED.*hammered before the probation was over/)
  // Nobody watches any more.
  await service.gone(service.pid)
  const second = controlled.endless('reload')
  await second.until('probation')
})

test('a status during a drain names who holds it; the hammer ends it', async () => {
  const controlled = await start()
  await using service = controlled.service
  const target = { port: service.port() }
  const hanging = request({ target, method: 'GET', url: '/hang' }).catch((error: unknown) => error)
  await service.until({ event: 'request' })
  expect((await controlled.endless('hammer').ended).code).toBe(1)
  expect((await controlled.endless('reload').ended).code).toBe(0)
  const holds = async (): Promise<string> =>
    String((await status(controlled)).workers[0]?.draining[0]?.holds)
  await expect.poll(holds, patient).toMatch(/GET \/hang/)
  // It drains still, but its probation is over: it is in nobody's way.
  expect((await controlled.endless('reload').ended).code).toBe(0)
  const { code, stdout } = await controlled.endless('hammer').ended
  expect(code).toBe(0)
  expect(stdout).toContain(`pid ${service.pid}`)
  await service.gone(service.pid)
  await hanging
  await service.stop()
})

test('stop answers when it is over', async () => {
  const controlled = await start()
  await using service = controlled.service
  const slow = request({
    target: { port: service.port() },
    method: 'GET',
    url: '/slow?from=drain&ms=300',
  })
  await service.until({ event: 'request' })
  const { code, stdout, stderr } = await controlled.endless('stop').ended
  expect(code, stderr).toBe(0)
  expect(stdout).toContain('stopped')
  // By then it has said its last word.
  expect(service.all({ event: 'drain', phase: 'end' })).toHaveLength(1)
  expect(JSON.parse((await slow).body.toString())).toEqual({ pid: service.pid })
  expect(await service.exited).toEqual({ code: 0, signal: null })
  expect((await controlled.endless('status').ended).code).toBe(3)
})

test('true: by the name of the service, where the command finds it by itself', async () => {
  const runtime = temporaryDirectory()
  onTestFinished(() => rmSync(runtime, { recursive: true, force: true }))
  const cwd = resolve(import.meta.dirname, '..')
  const env = { XDG_RUNTIME_DIR: runtime }
  await using service = await Service.start({ script, cwd, env, options: { controlSocket: true } })
  const { code, stdout, stderr } = await new Command(['status', '--json'], { cwd, env }).ended
  expect(code, stderr).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({
    ...{ name: 'endlessjs', pid: service.pid, release: cwd, state: 'ready' },
    workers: [{ slot: 0, generation: 0, connections: 0, inFlight: 0, draining: [] }],
  })
  // Nobody else may ask.
  expect(statSync(join(runtime, 'endless/endlessjs.sock')).mode & 0o777).toBe(0o600)
  expect(statSync(join(runtime, 'endless')).mode & 0o777).toBe(0o700)
  await service.upgrade()
  expect(statSync(join(runtime, 'endless/endlessjs.sock')).mode & 0o777).toBe(0o600)
  await service.stop()
})

test('there are no workers to scale', async () => {
  const controlled = await start()
  await using _ = controlled.service
  const { code, stderr } = await controlled.endless('scale', '2').ended
  expect(code).toBe(1)
  expect(stderr).toMatch(/ERR_ENDLESS_UNSUPPORTED.*endless start -w/)
})

test('over upgrades by signal the socket answers, at each moment', async () => {
  const controlled = await start()
  await using service = controlled.service
  const pids = new Set<number>()
  let asked = 0
  let goesOn = true
  const ask = async (): Promise<void> => {
    while (goesOn) {
      const client = await ControlClient.connect(controlled.path)
      const answer = (await client.request('status')) as { pid?: number; moved?: true }
      client.close()
      asked++
      if (answer.pid !== undefined) pids.add(answer.pid)
    }
  }
  const asking = Promise.all([ask(), ask(), ask()])
  const generations = [service.pid]
  for (let n = 0; n < 3; n++) {
    const before = asked
    await expect.poll(() => asked, patient).toBeGreaterThan(before + 20)
    generations.push(await service.upgrade())
    await expect.poll(() => [...pids], patient).toContain(generations.at(-1))
  }
  goesOn = false
  // None was refused, or cut.
  await asking
  expect([...pids]).toEqual(generations)
  await service.stop()
})

test('a service that was killed leaves a socket that the next one replaces', async () => {
  const first = await start()
  await using killed = first.service
  killed.signal('SIGKILL')
  await killed.ended
  expect((await first.endless('status').ended).code).toBe(3)
  expect(existsSync(first.path)).toBe(true)
  await using next = await Service.start({ script, options: { controlSocket: first.path } })
  expect(await status(first)).toMatchObject({ pid: next.pid })
  // One that lives is not replaced.
  await using third = await Service.start({
    script,
    options: { controlSocket: first.path },
    wait: false,
  })
  expect(await third.exited).toEqual({ code: 1, signal: null })
  expect(third.stderr).toMatch(/a service answers there already/)
  expect(await status(first)).toMatchObject({ pid: next.pid })
  expect(isAlive(next.pid)).toBe(true)
  await next.stop()
})

test('an app that ends its process itself leaves no socket; one that hands over leaves it', async () => {
  const directory = temporaryDirectory()
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  const script = join(directory, 'server.cjs')
  writeFileSync(
    script,
    `require('node:http').createServer().listen(0)
     process.on('SIGQUIT', () => process.exit(7))`,
  )
  const path = join(directory, 'app.sock')
  const options = { controlSocket: path, probation: 60_000 }
  await using service = await startAuto('plain', { script, options })
  const old = service.current
  const reload = new Command(['reload', '--control', path])
  await reload.until('probation')
  service.signal('SIGQUIT', old)
  expect((await reload.ended).code).toBe(1)
  await service.gone(old)
  const client = await ControlClient.connect(path)
  expect(await client.request('status')).toMatchObject({ pid: service.current })
  client.close()
  service.signal('SIGQUIT')
  await service.ended
  expect(existsSync(path)).toBe(false)
})

test('the path may change from release to release; the one before is gone then', async () => {
  const directory = temporaryDirectory()
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  const [first, second] = [join(directory, 'first.sock'), join(directory, 'second.sock')]
  const script = join(directory, 'server.mjs')
  const release = (options: object): void =>
    writeFileSync(
      script,
      `import { createServer } from 'node:http'
       const { upgrader } = await import(${JSON.stringify(import.meta.resolve('@endlessjs/core'))})
       upgrader({ probation: 60_000, ...${JSON.stringify(options)} })
       createServer().listen(0)`,
    )
  release({ controlSocket: first })
  await using service = await startAuto('plain', { script, options: { probation: undefined } })
  release({ controlSocket: second })
  const reload = new Command(['reload', '--control', first])
  await reload.until('probation')
  expect(existsSync(first)).toBe(false)
  expect((await new Command(['status', '--control', second]).ended).code).toBe(0)
  // The first one is back with the release that had it.
  service.signal('SIGKILL')
  expect((await reload.ended).code).toBe(5)
  await expect
    .poll(async () => (await new Command(['status', '--control', first]).ended).code, patient)
    .toBe(0)
  // And none, where none is wanted any more.
  release({})
  await new Command(['reload', '--control', first]).until('probation')
  expect(existsSync(first)).toBe(false)
})

test('whoever asks while a successor dies on probation is never refused', async () => {
  const controlled = await start({ options: { probation: 60_000 } })
  await using service = controlled.service
  const { successor } = await service.hup()
  let goesOn = true
  const refused: unknown[] = []
  const pids = new Set<number>()
  const ask = async (): Promise<void> => {
    while (goesOn)
      try {
        const client = await ControlClient.connect(controlled.path)
        const { pid } = (await client.request('status')) as { pid: number }
        client.close()
        pids.add(pid)
      } catch (error) {
        // What was inside the process that died is cut.
        const isCut = error instanceof EndlessError && error.code === 'ERR_ENDLESS_CONTROL'
        if (!isCut) refused.push(error)
      }
  }
  const asking = Promise.all([ask(), ask(), ask()])
  await expect.poll(() => pids.has(Number(successor)), patient).toBe(true)
  service.signal('SIGKILL', Number(successor))
  await expect.poll(() => pids.has(service.pid), patient).toBe(true)
  goesOn = false
  await asking
  expect(refused).toEqual([])
})

test('while it drains for good, the next service may have the path', async () => {
  const controlled = await start()
  await using service = controlled.service
  const target = { port: service.port() }
  const hanging = request({ target, method: 'GET', url: '/hang' }).catch((error: unknown) => error)
  await service.until({ event: 'request' })
  const stop = controlled.endless('stop')
  await service.until({ event: 'drain', phase: 'start' })
  await using next = await Service.start({ script, options: { controlSocket: controlled.path } })
  expect(await status(controlled)).toMatchObject({ pid: next.pid })
  service.signal('SIGUSR2', service.pid)
  expect((await stop.ended).code).toBe(0)
  await service.ended
  await hanging
  // Its end is not that of the other one's socket.
  expect(await status(controlled)).toMatchObject({ pid: next.pid })
  await next.stop()
})

test('it keeps no process alive: one that closes its servers ends', async () => {
  const directory = temporaryDirectory()
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  const [script, path] = [join(directory, 'server.cjs'), join(directory, 'app.sock')]
  writeFileSync(
    script,
    `const server = require('node:http').createServer().listen(0)
     process.on('SIGQUIT', () => server.close())`,
  )
  await using service = await startAuto('plain', { script, options: { controlSocket: path } })
  const client = await ControlClient.connect(path)
  expect(await client.request('status')).toMatchObject({ pid: service.pid })
  service.signal('SIGQUIT')
  expect(await service.exited).toEqual({ code: 0, signal: null })
  expect(existsSync(path)).toBe(false)
  client.close()
})
