// `node --import @endlessjs/core/auto`: which servers take part, and which do not.
import { lookup } from 'node:dns/promises'
import { readFileSync, rmSync } from 'node:fs'
import { connect as connectHttp2 } from 'node:http2'
import { connect } from 'node:net'
import { join } from 'node:path'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { ControlClient } from '@endlessjs/core/control'
import { expect, onTestFinished, test } from 'vitest'
import { startAuto } from './support/auto.js'
import { makeCertificate } from './support/certificate.js'
import { load, request, type Target } from './support/client/index.js'
import { upgradesLoseNothing } from './support/lossless.js'
import { originsOf, portsOf } from './support/release.js'
import { type Service, temporaryDirectory } from './support/service.js'

const localhost = (await lookup('localhost')).family === 6 ? '[::1]:0' : '127.0.0.1:0#3'

/** What fixtures/auto/kinds.js listens on, and how to ask there who it is. */
const kinds: Record<string, (port: number, tls: ConnectionOptions) => Promise<string>> = {
  'tcp:*:0': (port) => bodyOf({ port }),
  'tcp:127.0.0.1:0': (port, tls) => bodyOf({ port }, tls),
  'tcp:127.0.0.1:0#2': (port) => streamOf(connectHttp2(`http://127.0.0.1:${port}`)),
  [`tcp:${localhost}`]: (port, tls) => streamOf(connectHttp2(`https://localhost:${port}`, tls)),
  'tcp:*:0#2': (port) => textOf(connect(port)),
  'tcp:*:0#3': (port, tls) => textOf(connectTls({ ...tls, port })),
}

async function bodyOf(target: Target, tls?: ConnectionOptions): Promise<string> {
  return (await request({ target, ...(tls && { tls }) })).body.toString()
}

async function textOf(socket: NodeJS.ReadableStream): Promise<string> {
  let text = ''
  for await (const chunk of socket) text += String(chunk)
  return text
}

async function streamOf(session: ReturnType<typeof connectHttp2>): Promise<string> {
  const text = await textOf(session.request())
  session.close()
  return text
}

test('servers of every kind take part: http, https, http2, net, tls, a Unix socket', async () => {
  const home = temporaryDirectory()
  onTestFinished(() => rmSync(home, { recursive: true }))
  const { keyFile, certFile, cert } = makeCertificate(home)
  const SOCKET = join(home, 'app.sock')
  const tls = { ca: cert, servername: 'localhost' }
  await using service = await startAuto('kinds', { env: { SOCKET, KEY: keyFile, CERT: certFile } })
  const names = [...Object.keys(kinds), `unix:${SOCKET}`].sort()
  const ports = portsOf(service)
  expect(Object.keys(ports).sort()).toEqual(names)
  for (let n = 0; n < 3; n++) {
    const pid = String(service.current)
    const answers = Object.entries(kinds).map(([name, ask]) => ask(Number(ports[name]), tls))
    const all = await Promise.all([...answers, bodyOf({ path: SOCKET })])
    expect(all).toEqual(all.map(() => pid))
    await service.upgrade()
    expect(portsOf(service)).toEqual(ports)
    expect(Object.values(originsOf(service))).toEqual(names.map(() => 'predecessor'))
  }
  await service.stop()
  expect(() => readFileSync(SOCKET)).toThrow('ENOENT')
})

test('a server takes part under load', async () => {
  await using service = await startAuto('plain')
  const target = { port: service.port() }
  const loads = [
    load({ target, connections: 4, thinkTime: [0, 10] }),
    load({ target, connections: 2, mode: 'new-connection', thinkTime: [0, 10] }),
  ]
  await upgradesLoseNothing(service, loads)
  expect(loads[0]?.report.reconnects).toBe(0)
})

test('what is in a worker thread or in a child takes no part, and finds nothing of it', async () => {
  await using service = await startAuto('bystanders', { options: { hammerTime: 5_000 } })
  await service.until({ event: 'environment' })
  const heard = service.all({ event: 'bystander' }).map(({ kind }) => kind)
  expect(heard).toEqual(['worker', 'fork', 'spawn'])
  expect(service.all({ event: 'listen' }).map(({ pid }) => pid)).toEqual([service.pid])
  const [environment] = service.all({ event: 'environment' })
  expect(environment?.own).not.toHaveProperty('ENDLESS_OPTIONS')
  expect(environment?.child).not.toHaveProperty('ENDLESS_OPTIONS')
  expect(environment?.execArgv).toEqual([])
  await service.upgrade()
})

test('by NODE_OPTIONS: the children of a process that serves do not have it', async () => {
  const report = `--import=${new URL('fixtures/report.js', import.meta.url)}`
  const env = { NODE_OPTIONS: `--import @endlessjs/core/auto ${report}` }
  await using service = await startAuto('bystanders', { execArgv: [], preload: [], env })
  await service.until({ event: 'environment' })
  expect(service.all({ event: 'listen' }).map(({ pid }) => pid)).toEqual([service.pid])
  const [environment] = service.all({ event: 'environment' })
  expect(environment?.child).toMatchObject({ NODE_OPTIONS: report })
  await service.upgrade()
  expect(originsOf(service)).toEqual({ 'tcp:*:0': 'predecessor' })
})

/** A port of the cluster's. */
async function portSaid(service: Service, event: string): Promise<number> {
  return Number((await service.until({ event })).port)
}

test('the workers of a cluster listen as without us, and its primary is not upgraded', async () => {
  await using service = await startAuto('cluster', { wait: false })
  const worker = await portSaid(service, 'worker')
  const primary = await portSaid(service, 'primary')
  await service.until({ event: 'state', to: 'ready' })
  expect(await bodyOf({ port: primary })).toBe('primary')
  expect(await bodyOf({ port: worker })).not.toBe(String(service.pid))
  expect(service.all({ event: 'listen' })).toMatchObject([{ pid: service.pid, name: 'tcp:*:0' }])
  expect(service.port()).toBe(primary)
  service.signal('SIGHUP')
  await service.untilStderr(/Upgrade refused: this is the primary of a cluster/)
  expect(await bodyOf({ port: worker })).not.toBe(String(service.pid))
  service.signal('SIGTERM')
  expect(await service.exited).toEqual({ code: 0, signal: null })
})

test('the control socket takes no part, whoever asks for it', async () => {
  const home = temporaryDirectory()
  onTestFinished(() => rmSync(home, { recursive: true }))
  const controlSocket = join(home, 'app.sock')
  await using service = await startAuto('plain', { options: { controlSocket } })
  for (let n = 0; n < 2; n++) {
    const client = await ControlClient.connect(controlSocket)
    expect(await client.request('status')).toMatchObject({ name: 'app', pid: service.current })
    client.close()
    await service.upgrade()
  }
  // The server of the app, once in each generation.
  expect(service.all({ event: 'listen' })).toHaveLength(3)
  await service.stop()
})
