import type { Server } from 'node:net'
import type { AttachOptions, ChannelHandler, ServiceChannel, Status, Upgrader } from '../api.js'
import type { LifeHooks, SignalHook, State, UpgraderOptions, When } from '../generation/index.js'
import type { Passable } from '../handover/index.js'
import { testUpgrader } from './testing.js'

/**
 * An upgrader that installs nothing before it is needed: until {@link Deferred.activate} it is the
 * stand-in of tests, and keeps what was registered for the real one. For frameworks whose apps are
 * built in the same way for a test and for the net (Fastify's `inject`).
 */
export class Deferred implements Upgrader {
  readonly #registered = new Set<(real: Upgrader) => () => void>()
  readonly #undo = new Map<(real: Upgrader) => () => void, () => void>()
  #target: Upgrader = testUpgrader()
  #active = false

  get active(): boolean {
    return this.#active
  }

  /** From here on it is the real one. */
  activate(real: Upgrader): void {
    this.#target = real
    this.#active = true
    for (const register of this.#registered) this.#undo.set(register, register(real))
  }

  /** Takes back everything that was registered here, and is a stand-in again. */
  deactivate(): void {
    for (const undo of this.#undo.values()) undo()
    this.#undo.clear()
    this.#target = testUpgrader()
    this.#active = false
  }

  get state(): State {
    return this.#target.state
  }

  get generation(): number {
    return this.#target.generation
  }

  get hasParent(): boolean {
    return this.#target.hasParent
  }

  get drainSignal(): AbortSignal {
    return this.#target.drainSignal
  }

  get inFlight(): number {
    return this.#target.inFlight
  }

  configure(options: UpgraderOptions): void {
    this.#target.configure(options)
  }

  listen<S extends Server>(server: S, ...args: unknown[]): S {
    return this.#target.listen(server, ...args)
  }

  attach(server: Server, options?: AttachOptions): () => void {
    return this.#target.attach(server, options)
  }

  ready(): Promise<void> {
    return this.#target.ready()
  }

  upgrade(): Promise<{ pid: number }> {
    return this.#target.upgrade()
  }

  shutdown(): Promise<void> {
    return this.#target.shutdown()
  }

  hammer(): void {
    this.#target.hammer()
  }

  waitForParent(): Promise<void> {
    return this.#target.waitForParent()
  }

  addFile(name: string, file: Passable): () => void {
    return this.#register((real) => real.addFile(name, file))
  }

  inherited(name: string): number | undefined {
    return this.#target.inherited(name)
  }

  channel<Message>(name: string, handler: ChannelHandler<Message>): ServiceChannel<Message> {
    // Also where it is a stand-in: what is bad is thrown at once.
    const standIn = testUpgrader().channel(name, handler)
    let open = standIn
    const close = this.#register((real) => {
      open = real.channel(name, handler)
      return () => {
        open.close()
        open = standIn
      }
    })
    return { publish: (message) => open.publish(message), close }
  }

  hook<Name extends keyof LifeHooks>(name: Name, hook: LifeHooks[Name]): () => void {
    return this.#register((real) => real.hook(name, hook))
  }

  hookSignal(when: When, signal: NodeJS.Signals, hook: SignalHook): () => void {
    return this.#register((real) => real.hookSignal(when, signal, hook))
  }

  status(): Status {
    return this.#target.status()
  }

  uninstall(): Promise<void> {
    return this.#target.uninstall()
  }

  #register(register: (real: Upgrader) => () => void): () => void {
    this.#registered.add(register)
    if (this.#active) this.#undo.set(register, register(this.#target))
    return () => {
      this.#registered.delete(register)
      this.#undo.get(register)?.()
      this.#undo.delete(register)
    }
  }
}
