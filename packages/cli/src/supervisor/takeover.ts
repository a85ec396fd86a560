import { EndlessError, type ErrorCode, type ToSupervisor } from '@endlessjs/core/fleet'
import { nextId } from './ids.js'
import type { Release } from './release.js'
import { describeExit, type Worker } from './worker.js'

/** Beyond what a successor has until it is ready, in ms: for the worker that has to say so. */
const grace = 10_000

type Stage = 'starting' | 'handing over' | 'on probation' | 'proved' | 'failed'

/**
 * A worker hands over to a successor of another release, or of the same one: the worker does all of it, as an
 * app without a supervisor does. When it may, and whether it has to come back, is said here.
 */
export class Takeover {
  readonly id: number = nextId()
  readonly old: Worker
  readonly release: Release
  /** Settles when the successor is ready, and waits. This and the next two reject with what failed. */
  readonly ready: Promise<void>
  /** Settles when the successor serves. */
  readonly served: Promise<void>
  /** Settles when the successor has passed its probation. */
  readonly proved: Promise<void>
  /** Settles when the old one serves again, or is gone. */
  readonly returned: Promise<void>
  heir: Worker | undefined
  #stage: Stage = 'starting'
  #abandoned: string | undefined
  #fail: (error: EndlessError) => void = () => {}
  readonly #told = new Map<string, () => void>()
  #late: NodeJS.Timeout | undefined

  readonly #stop: (heir: Worker) => void

  /** @param stop ends a successor that nobody else can end any more */
  constructor(old: Worker, release: Release, stop: (heir: Worker) => void) {
    this.old = old
    this.#stop = stop
    this.release = release
    const failed = new Promise<never>((_, reject) => {
      this.#fail = reject
    })
    const told = (what: string): Promise<void> =>
      new Promise((resolve) => this.#told.set(what, resolve))
    const either = (what: string): Promise<void> => {
      const promise = Promise.race([told(what), failed])
      // Whoever waits hears of it; not everybody waits for all of them.
      promise.catch(() => {})
      return promise
    }
    this.ready = either('ready')
    this.served = either('served')
    this.proved = either('proved')
    this.returned = told('returned')
    this.#expect('was ready')
    void old.exited.then((exit) => this.#oldIsGone(describeExit(exit)))
    old.tell({ endless: 'upgrade', id: this.id, plan: release.plan(old.facts.slot) })
  }

  get isProved(): boolean {
    return this.#stage === 'proved'
  }

  get isOver(): boolean {
    return this.#stage === 'proved' || this.#stage === 'failed'
  }

  /** What the old one says. */
  hear(message: ToSupervisor): void {
    // Of an upgrade that was given up before this one.
    if ('id' in message && message.id !== this.id) return
    if (message.endless === 'ready') this.#isReady()
    if (message.endless === 'upgraded') this.#hasServed()
    if (message.endless === 'failed')
      this.#end(new EndlessError(message.code as ErrorCode, message.message))
    if (message.endless === 'revived')
      this.#end(new EndlessError('ERR_ENDLESS_PROBATION', message.message))
    if (message.endless === 'proved') this.#prove()
  }

  /** All are ready: go. */
  commit(): void {
    // The old one may have died in the very turn in which the last of them was ready.
    if (this.isOver) return
    this.#stage = 'handing over'
    this.#expect('served')
    this.old.tell({ endless: 'together', id: this.id })
  }

  /** Another one has failed: the old one is to serve again. */
  abandon(why: string): void {
    this.#abandoned = why
    if (this.#stage === 'on probation') this.old.tell({ endless: 'takeBack', why })
    // It may serve by the time that it hears of this: then that is taken back.
    else if (!this.isOver) this.old.tell({ endless: 'apart', id: this.id, why })
  }

  #isReady(): void {
    // The others have their own time.
    clearTimeout(this.#late)
    this.#tell('ready')
  }

  #hasServed(): void {
    clearTimeout(this.#late)
    // That it was given up it hears too late: the reload has failed, and it has to come back all the same.
    if (this.#abandoned !== undefined) this.old.tell({ endless: 'takeBack', why: this.#abandoned })
    if (this.isOver) return
    this.#stage = 'on probation'
    this.#tell('served')
  }

  #prove(): void {
    if (this.#stage !== 'on probation' || this.#abandoned !== undefined) return
    this.#stage = 'proved'
    this.#tell('proved')
  }

  #oldIsGone(how: string): void {
    // That it has gone in order says that all is well. If it was to come back, there is another way back.
    if (this.#stage === 'on probation') {
      this.#stage = 'proved'
      this.#tell('proved')
    }
    // Nobody is left who would end it, and it is of a release that nobody has agreed to.
    const { heir, isProved } = this
    if (heir && !isProved && !heir.isToldToStop && heir.state !== 'exited') this.#stop(heir)
    this.#end(
      new EndlessError(
        'ERR_ENDLESS_STOPPED',
        `worker ${this.old.pid} ${how} before its successor served`,
      ),
    )
  }

  /** @param what its successor has to have done by then */
  #expect(what: string): void {
    const ms = (this.old.terms?.readyTimeout ?? 0) + grace
    this.#late = setTimeout(() => {
      this.abandon(`it took longer than ${ms} ms`)
      this.#end(
        new EndlessError(
          'ERR_ENDLESS_READY_TIMEOUT',
          `worker ${this.old.pid} had no successor that ${what} within ${ms} ms: does its event loop turn?`,
        ),
      )
    }, ms)
  }

  #end(error: EndlessError): void {
    clearTimeout(this.#late)
    if (!this.isProved) this.#stage = 'failed'
    this.#fail(error)
    this.#tell('returned')
  }

  #tell(what: string): void {
    this.#told.get(what)?.()
  }
}
