/**
 * `fastify.register(endless)`, `fastify.listen(…)`, then `kill -1 <pid>` during deploys.
 * @packageDocumentation
 */
import { subscribe } from 'node:diagnostics_channel'
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

/** Takes a server of an instance in, when it is about to listen. */
type Take = (server: Server) => void

/** Of the first server of each instance. Weak: an instance that nobody listens with or closes is let go. */
const takers = new WeakMap<Server, Take>()
/** Of whoever is about to listen with a further server. */
let further: Take | undefined
/** The instances that take part in an upgrader, or are about to. */
const parts = new WeakMap<Upgrader, Set<Upgrader>>()
let watching = false

/** Hears of every `net.Server#listen`, at its top. */
function watch(): void {
  if (watching) return
  watching = true
  subscribe('tracing:net.server.listen:asyncStart', (message) => {
    const { server } = message as { readonly server: Server }
    const take = takers.get(server) ?? further
    further = undefined
    take?.(server)
  })
}

/**
 * Where the host is "localhost", Fastify makes a server for each further address, and lets it listen in the
 * turn in which it adds a listener for 'unref' to the first one. Nothing else says whose it is: its
 * options are a copy of an object that may have been used for another instance.
 */
function watchFurther(first: Server, take: Take): void {
  first.on('newListener', (event) => {
    if (event !== 'unref') return
    further = take
    queueMicrotask(() => {
      further = undefined
    })
  })
}

const plugin: FastifyPluginAsync<EndlessOptions> = async (fastify, options) => {
  checkAppOptions(options)
  const { beforeBegin, upgrader: given, ...process } = options
  const deferred = new Deferred()
  const letGo: (() => void)[] = []
  let all = new Set<Upgrader>()

  const activate = (): Upgrader => {
    if (deferred.active) return deferred
    const logger = process.logger ?? (currentUpgrader() ? undefined : logOf(fastify))
    const real = given ?? upgrader({ logger })
    // First, so that the hooks of the options have the last word.
    deferred.hook('onExit', async () => fastify.close())
    deferred.activate(real)
    all = parts.get(real) ?? new Set()
    parts.set(real, all.add(deferred))
    real.configure(process)
    return deferred
  }
  const take: Take = (server) => {
    letGo.push(activate().attach(server, { beforeBegin, autoReady: true }))
  }

  watch()
  takers.set(fastify.server, take)
  watchFurther(fastify.server, take)
  fastify.decorate('endless', deferred)
  fastify.addHook('onClose', async () => {
    takers.delete(fastify.server)
    // Either our own exit closes the app, or the app itself does: then it leaves nothing behind.
    if (!deferred.active || deferred.state === 'exited') return
    for (const undo of letGo) undo()
    // Another one may be about to listen.
    all.delete(deferred)
    if (all.size === 0 && deferred.status().listeners.length === 0) await deferred.uninstall()
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
