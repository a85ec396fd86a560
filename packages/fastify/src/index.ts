/**
 * `fastify.register(endless)`, `fastify.listen(…)`, then `kill -1 <pid>` during deploys.
 * @packageDocumentation
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Server } from 'node:net'
import {
  type AppOptions,
  checkAppOptions,
  currentUpgrader,
  Deferred,
  type HealthOptions,
  healthOf,
  type Upgrader,
  upgrader,
} from '@endlessjs/core'
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import fastifyPlugin from 'fastify-plugin'

export * from '@endlessjs/core/app'

/** Options of the plugin: those of the process, and `beforeBegin` of this instance. */
export type EndlessOptions = Omit<AppOptions, 'http' | 'https' | 'http2'>

declare module 'fastify' {
  interface FastifyInstance {
    /** The upgrader of this process; a stand-in until the instance listens (under `inject`). */
    endless: Upgrader
  }
}

interface ListenMessage {
  readonly server: Server
  readonly options: object
}

/** Published at the top of every `net.Server#listen`. */
const listenStart = 'tracing:net.server.listen:asyncStart'

const plugin: FastifyPluginAsync<EndlessOptions> = async (fastify, options) => {
  checkAppOptions(options)
  const { beforeBegin, upgrader: given, ...process } = options
  const deferred = new Deferred()
  const letGo: (() => void)[] = []
  // Where the host is "localhost", Fastify makes a server for each further address, with a copy of
  // the listen options: what is marked in them is how those servers are known.
  const ours = Symbol('endless')

  const activate = (): Upgrader => {
    if (deferred.active) return deferred
    const logger = process.logger ?? (currentUpgrader() ? undefined : logOf(fastify))
    const real = given ?? upgrader({ logger })
    // First, so that the hooks of the options have the last word.
    deferred.hook('onExit', async () => fastify.close())
    deferred.activate(real)
    real.configure(process)
    return deferred
  }
  const listens = (message: unknown): void => {
    const { server, options: listenOptions } = message as ListenMessage
    if (server !== fastify.server && !Object.hasOwn(listenOptions, ours)) return
    Object.assign(listenOptions, { [ours]: true })
    letGo.push(activate().attach(server, { beforeBegin, autoReady: true }))
  }

  subscribe(listenStart, listens)
  fastify.decorate('endless', deferred)
  fastify.addHook('onClose', async () => {
    unsubscribe(listenStart, listens)
    // Either our own exit closes the app, or the app itself does: then it leaves nothing behind.
    if (!deferred.active || deferred.state === 'exited') return
    for (const undo of letGo) undo()
    if (deferred.status().listeners.length === 0) await deferred.uninstall()
    deferred.deactivate()
  })
}

/**
 * The plugin: every listener of the instance takes part in upgrades. The drain ends first, then
 * `fastify.close()` runs the `onClose` hooks, then the process exits.
 *
 * @throws EndlessError `ERR_ENDLESS_OPTION` while registering, for a bad option
 */
const endless: FastifyPluginAsync<EndlessOptions> & { health: typeof health } = Object.assign(
  fastifyPlugin(plugin, { fastify: '5.x', name: '@endlessjs/fastify' }),
  { health },
)

/**
 * Fastify's log, unless that is off: it has a stand-in then, whose methods are one that does nothing. A
 * deploy that failed must not go unsaid, so our lines go to stderr there.
 */
function logOf({ log }: FastifyInstance): FastifyInstance['log'] | undefined {
  const isOff = log.level === undefined && log.info === log.error
  return isOff ? undefined : log
}

/** A plugin with a route that answers for load balancers: 503 from a final stop on. */
function health(options: HealthOptions = {}): FastifyPluginAsync {
  return async (fastify: FastifyInstance) => {
    fastify.get(options.path ?? '/health', { logLevel: 'warn' }, async (_, reply) => {
      const { code, body } = healthOf(options.upgrader)
      return reply.code(code).send(body)
    })
  }
}

export { endless }
export default endless
