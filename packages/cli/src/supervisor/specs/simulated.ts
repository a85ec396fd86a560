import type { Born, Exit, Terms, ToSupervisor, ToWorker } from '@endlessjs/core/fleet'
import type { World } from './world.js'

const terms: Terms = {
  hammerTime: 20_000,
  readyTimeout: 5_000,
  probation: 1_000,
  maxDraining: 4,
}

type State = 'starting' | 'waiting' | 'ready' | 'upgrading' | 'draining' | 'gone'
type Said = { readonly endless: string; readonly from?: number }

/** A worker as its supervisor meets it: it does what a real one does, one message at a time. */
export class Simulated {
  readonly pid: number
  readonly command: string
  readonly slot: number
  readonly generation: number
  readonly born: Born
  state: State = 'starting'
  hangs = false
  /** Why it is on its way, and whether nobody rises for it. */
  isUpgraded = false
  released = false
  isProved = false
  isWanted = true
  /** What it has not read: of the supervisor, of the one before it, of the one after it. */
  readonly inbox: ToWorker[] = []
  readonly fromOld: Said[] = []
  readonly fromHeir: Said[] = []
  /** What the supervisor has not read. */
  readonly outbox: (() => void)[] = []
  readonly #world: World
  readonly #nonce: string
  readonly #old: number | undefined
  #exit: Exit | undefined
  #order = -1
  #givenUp = false
  #heir: Simulated | undefined
  #wishes = 0
  #hearLink: (message: unknown) => void = () => {}
  #hearWords: ((message: unknown) => void)[] = []
  #reaped: (exit: Exit) => void = () => {}

  constructor(
    world: World,
    pid: number,
    command: string,
    { slot, nonce }: { slot: number; nonce: string },
    generation: number,
    old: number | undefined,
  ) {
    this.#world = world
    this.pid = pid
    this.command = command
    this.slot = slot
    this.generation = generation
    this.#nonce = nonce
    this.#old = old
    const exited = new Promise<Exit>((resolve) => {
      this.#reaped = resolve
    })
    const end = (send: (message: never) => void): Born['link'] =>
      ({
        listen: (hear: (message: unknown) => void) => void this.#hearWords.push(hear),
        send: (message: never, sent?: () => void) => {
          if (this.isAlive) send(message)
          sent?.()
        },
        unref: () => {},
        close: () => {},
      }) as unknown as Born['link']
    const link = end((message) => this.inbox.push(message))
    const outbox = end((message) => this.fromOld.push(message))
    this.born = {
      body: { pid, exited, signal: (signal) => this.#signalled(signal) },
      link: Object.assign(link, {
        listen: (hear: (message: unknown) => void) => {
          this.#hearLink = hear
          return () => {}
        },
      }),
      stdout: null,
      stderr: null,
      ends: () => ({ inbox: outbox, outbox, lanes: [] }),
      passEnds: () => {},
    }
  }

  get isAlive(): boolean {
    return this.#exit === undefined
  }

  get serves(): boolean {
    return this.isAlive && (this.state === 'ready' || this.state === 'upgrading')
  }

  /** Whether it can do something now. */
  get acts(): boolean {
    return this.isAlive && !this.hangs
  }

  boot(succeeds: boolean): void {
    if (!this.acts || this.state !== 'starting') return
    if (!succeeds) {
      this.#tellOld({ endless: 'failed' })
      return this.die({ code: 1, signal: null })
    }
    this.#say({ endless: 'listens', names: ['tcp:*:80'] })
    this.#tellOld({ endless: 'ready' })
    this.state = 'waiting'
  }

  die(exit: Exit): void {
    if (!this.isAlive) return
    this.#exit = exit
    this.state = 'gone'
    for (const queue of [this.inbox, this.fromOld, this.fromHeir]) queue.length = 0
  }

  /** The supervisor reads one thing that it has said; the last one is that it is gone. */
  deliver(): void {
    const next = this.outbox.shift()
    if (next) return next()
    if (this.#exit) this.#reaped(this.#exit)
    if (this.#exit) this.#world.forget(this)
  }

  prove(): void {
    if (!this.acts || this.state !== 'draining' || !this.isUpgraded || this.isProved) return
    this.isProved = true
    this.#say({ endless: 'proved' })
  }

  drained(): void {
    const isOver = this.isProved || this.released || !this.isUpgraded
    if (this.acts && this.state === 'draining' && isOver) this.die({ code: 0, signal: null })
  }

  hearHeir(): void {
    // Each has a channel of its own: that of an heir that was given up is closed.
    const at = this.fromHeir.findIndex(({ from }) => from === this.#heir?.pid)
    const [message] = this.acts && at >= 0 ? this.fromHeir.splice(at, 1) : []
    if (message?.endless === 'ready' && this.state === 'upgrading' && !this.#givenUp)
      this.#say({ endless: 'ready', id: this.#order })
    if (message?.endless === 'serving' && this.state === 'upgrading' && !this.#givenUp) {
      this.state = 'draining'
      this.isUpgraded = true
      this.isProved = false
      this.released = false
      this.#tellOld({ endless: 'handedOver' })
      this.#say({ endless: 'upgraded', id: this.#order, pid: this.#heir?.pid ?? -1 })
    }
    if (message?.endless === 'stopping' || message?.endless === 'handedOver') this.released = true
  }

  hearOld(): void {
    const message = this.acts ? this.fromOld.shift() : undefined
    if (message?.endless !== 'go' || this.state !== 'waiting') return
    this.state = 'ready'
    this.#tellOld({ endless: 'serving' })
    this.#say({ endless: 'serving', nonce: this.#nonce, terms })
  }

  hearSupervisor(): void {
    const message = this.acts ? this.inbox.shift() : undefined
    if (message) this.#hear(message)
  }

  #hear(message: ToWorker): void {
    switch (message.endless) {
      case 'upgrade':
        return this.#upgrade(message.id, message.plan)
      case 'spawned':
        this.#heir = this.#world.find(message.pid)
        if (this.#givenUp) this.#stopHeir()
        return
      case 'notSpawned':
        return this.#failed()
      case 'together':
        if (this.state === 'upgrading' && !this.#givenUp)
          this.#heir?.fromOld.push({ endless: 'go' })
        return
      case 'apart':
        return this.#giveUp()
      case 'exited':
        if (message.pid === this.#heir?.pid) this.#heirIsGone()
        return
      case 'takeBack':
        return this.#revive()
      case 'stop':
        return this.#stop()
    }
  }

  #upgrade(id: number, plan: Extract<ToWorker, { endless: 'upgrade' }>['plan']): void {
    if (this.state !== 'ready')
      return this.#say({ endless: 'failed', id, code: 'ERR_ENDLESS_STOPPED', message: this.state })
    this.state = 'upgrading'
    this.#order = id
    this.#givenUp = false
    this.#heir = undefined
    this.#say({ endless: 'spawn', id, plan, generation: this.generation + 1, lanes: 0 })
  }

  #giveUp(): void {
    if (this.state !== 'upgrading' || this.#givenUp) return
    this.#givenUp = true
    if (this.#heir) this.#stopHeir()
  }

  #stopHeir(): void {
    const pid = this.#heir?.pid ?? -1
    this.#say({ endless: 'signal', pid, signal: 'SIGTERM' })
    this.#world.later(() => this.acts && this.#say({ endless: 'signal', pid, signal: 'SIGKILL' }))
  }

  #failed(): void {
    if (this.state === 'upgrading') this.state = 'ready'
    this.#say({ endless: 'failed', id: this.#order, code: 'ERR_ENDLESS_SPAWN', message: 'failed' })
    this.#heir = undefined
    if (!this.isWanted) this.#drain()
  }

  #heirIsGone(): void {
    if (this.state === 'upgrading') return this.#failed()
    if (this.state === 'draining' && this.isUpgraded && !this.released) {
      this.state = 'ready'
      this.isUpgraded = false
      this.#say({ endless: 'revived', message: 'died on probation' })
    }
  }

  #revive(): void {
    if (this.state !== 'draining' || !this.isUpgraded || this.released) return
    this.state = 'ready'
    this.isUpgraded = false
    this.#say({ endless: 'revived', message: 'taken back' })
    this.#stopHeir()
  }

  #stop(): void {
    this.isWanted = false
    if (this.state === 'upgrading') return this.#giveUp()
    if (this.state === 'draining' && !this.isUpgraded) return this.die({ code: 0, signal: null })
    this.#drain()
  }

  #drain(): void {
    this.#tellOld({ endless: 'stopping' })
    this.#say({ endless: 'listens', names: [] })
    this.state = 'draining'
    this.isUpgraded = false
  }

  #signalled(signal: NodeJS.Signals): void {
    if (signal === 'SIGKILL') return this.die({ code: null, signal })
    if (this.state === 'starting' && !this.hangs) return this.die({ code: null, signal })
    // What a real one makes of a TERM.
    if (this.acts) this.wishStop()
  }

  wishStop(): void {
    const id = this.#wishes++
    this.#say({ endless: 'wish', id, wish: 'shutdown', again: id > 0 })
  }

  #say(message: ToSupervisor): void {
    this.outbox.push(() => this.#hearLink(message))
  }

  #tellOld(message: Said): void {
    if (this.#old !== undefined)
      this.#world.find(this.#old)?.fromHeir.push({ ...message, from: this.pid })
    else this.outbox.push(() => this.#hearWords.forEach((hear) => void hear(message)))
  }
}
