// The types that a stranger's compiler finds, whichever way it looks for them.
import { writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { test } from 'vitest'
import { run } from './run.js'

const app = `
  import { createServer } from 'node:http'
  import { currentUpgrader, EndlessError as CoreError, upgrader as coreUpgrader } from '@endlessjs/core'
  import { run } from '@endlessjs/cli'
  import { ControlServer, controlPath, type ServiceStatus } from '@endlessjs/core/control'
  import { endlessSignals } from '@endlessjs/core/app'
  import { testUpgrader } from '@endlessjs/core/testing'
  import * as adapter from '@endlessjs/express'
  import { endless, EndlessError, type Status, type Upgrader, upgrader } from '@endlessjs/express'
  import plugin, { endless as named, type EndlessOptions, upgrader as third } from '@endlessjs/fastify'
  import * as koa from '@endlessjs/koa'
  import { moveSocketIO } from '@endlessjs/socket.io'
  import { carried, moveWebSockets } from '@endlessjs/ws'
  import express from 'express'
  import { Server } from 'socket.io'
  import { WebSocketServer } from 'ws'
  import Fastify from 'fastify'

  export const own: Upgrader = upgrader({ hammerTime: 1, signals: endlessSignals })
  // @ts-expect-error: a number, or false
  upgrader({ hammerTime: 'late' })
  // @ts-expect-error
  coreUpgrader({ hammerTime: 'late' })
  // @ts-expect-error
  koa.upgrader({ hammerTime: 'late' })
  // @ts-expect-error
  third({ hammerTime: 'late' })
  export const others: readonly (koa.Upgrader | undefined)[] = [third(), currentUpgrader()]
  endless(express().use(endless.health()), { upgrader: testUpgrader() }).listen(0).close()
  koa.endless({ callback: () => () => {} }).listen(0).close()
  coreUpgrader().listen(createServer(), 0).close()

  export const code: Promise<number> = run(['--version'])
  export const control: ControlServer = new ControlServer(async (command, args, progress, signal) => {
    progress({ phase: command })
    return signal.aborted ? args : controlPath({ name: 'x' })
  })
  // @ts-expect-error: of what?
  export const empty: ServiceStatus = {}

  const options: EndlessOptions = { beforeReady: async () => {} }
  const fastify = Fastify()
  fastify.register(plugin, options)
  // @ts-expect-error
  fastify.register(plugin, { hammerTime: 'late' })
  fastify.register(named.health())
  const sockets = new WebSocketServer({ noServer: true })
  moveWebSockets(sockets, (socket) => ({ name: socket.protocol }), { busy: (socket) => socket.isPaused, within: 1_000 })
  sockets.on('connection', (_, request) => console.log(carried<{ name: string }>(request)?.name))
  // @ts-expect-error: how long?
  moveWebSockets(sockets, undefined, { within: '1s' })
  // @ts-expect-error
  moveWebSockets({})
  const io = new Server<{ a: () => void }, { b: () => void }, { c: () => void }, { name: string }>()
  moveSocketIO(io, { gone: (socket) => console.log(socket.data.name), rooms: true })
  // @ts-expect-error: of which socket?
  moveSocketIO(io, { gone: (socket) => console.log(socket.nobody) })
  // @ts-expect-error
  moveSocketIO(sockets)
  export const status: Status = fastify.endless.status()
  export const same: typeof coreUpgrader = adapter.upgrader
  try {
    own.hammer()
  } catch (error) {
    if (error instanceof EndlessError && error instanceof CoreError) console.log(error.code.length)
  }
`

const root = resolve(import.meta.dirname, '../..')
const newest = join(root, 'node_modules/typescript/bin/tsc')
/** TypeScript 7 has no `node10`. */
const five = createRequire(import.meta.url).resolve('typescript-5/bin/tsc')

const modes: readonly (readonly [name: string, tsc: string, file: string, options: string])[] = [
  ['node10', five, 'types.ts', '--module commonjs --moduleResolution node10 --esModuleInterop'],
  ['node16 from CommonJS', newest, 'types.cts', '--module node16'],
  ['node16 from ESM', newest, 'types.mts', '--module node16'],
  ['nodenext from ESM', newest, 'types.mts', '--module nodenext'],
  ['bundler', newest, 'types.ts', '--module esnext --moduleResolution bundler'],
]

/** @param home has the packages and frameworks, as npm installs them, and types of the frameworks */
export function types(home: string): void {
  test.each(modes)('%s: the packages carry their types', (_, tsc, file, options) => {
    writeFileSync(join(home, file), app)
    // An older target: what the types need of the language, they must bring.
    const strict = '--noEmit --strict --skipLibCheck false --target es2020 --types node'
    run(home, tsc, ...strict.split(' '), ...options.split(' '), file)
  })
}
