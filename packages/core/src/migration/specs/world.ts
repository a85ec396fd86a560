import type { Connection } from '../../connections/index.js'
import { Generation } from '../../generation/index.js'
import type { Answer, Offer, Predecessor, Successor, Verdict } from '../../handover/index.js'
import { Adoption } from '../adoption.js'
import { Migration } from '../migration.js'
import { type FakeHandle, type FakeSocket, fakeServer, Wire } from './fakesockets.js'

const nothing = (): void => {}

type Sent = (error?: Error | null) => void

/** Both ends of a handover, real ones, with everything between them in the hands of a test. */
export class World {
  readonly faults: string[] = []
  readonly wires: Wire[]
  readonly here = new Generation(undefined)
  readonly there = new Generation(undefined)
  readonly thereServer = fakeServer((socket, handle) => this.#accepted(socket, handle))
  readonly migration: Migration
  /** Sent and not read: a lane each, then both directions of the channel. */
  readonly lanes: { readonly offer: Offer; readonly wire: Wire }[][]
  readonly down: Verdict[] = []
  readonly up: Answer[] = []
  /** What the kernel has still to say of what was written. */
  readonly callbacks: (() => void)[] = []
  hereLives = true
  thereLives = true
  /** Whether the next send fails: no fd may be in flight any more. */
  failsNext = false
  hasExited = false
  readonly #adoption: Adoption
  hear: (answer: Answer) => void = nothing
  says: (verdict: Verdict) => void = nothing
  noticeExit = nothing
  noticeStop = nothing
  noticeGone = nothing

  constructor(names: readonly string[], lanes: number, stallTimeout: number) {
    this.here.settings.merge({ logger: false, stallTimeout, slowStart: 0 })
    this.there.settings.merge({ logger: false })
    this.there.machine.send('ready')
    const server = fakeServer()
    this.here.connections.track(server)
    this.there.connections.track(this.thereServer)
    this.lanes = Array.from({ length: lanes }, () => [])
    this.wires = names.map((name) => new Wire(name))
    for (const wire of this.wires) {
      wire.here._handle.thawed = () => this.#thawed(wire)
      wire.here.gone = () => this.#left(wire)
      server.emit('connection', wire.here)
    }
    const serverOf = (name: string) => (name === 'nobody' ? undefined : this.thereServer)
    this.#adoption = new Adoption(this.there, this.#predecessor(), serverOf)
    const nameOf = ({ socket }: Connection): string | undefined =>
      this.wires.find(({ here }) => (here as object) === socket)?.name
    this.migration = new Migration(this.here, this.#successor(), nameOf)
  }

  /** The successor reads a lane. */
  readLane(at: number, isLost: boolean): void {
    const { offer, wire } = this.lanes[at]?.shift() ?? {}
    if (!offer || !wire) return
    if (isLost) return this.#adoption.take(offer, undefined)
    this.#adoption.take(offer, wire.copy(offer.id))
  }

  killHere(): void {
    this.hereLives = false
    this.callbacks.length = 0
    for (const wire of this.wires) wire.die()
  }

  killThere(): void {
    this.thereLives = false
    this.down.length = 0
    for (const lane of this.lanes) lane.length = 0
    for (const { copies, there } of this.wires) {
      for (const copy of copies) copy.close()
      there?.destroy()
    }
  }

  /**
   * What must never be, whatever happens.
   * @param turned whether whoever was told of something has had time to do what there is to do
   */
  check(turned: boolean): void {
    const isAlone = turned && this.hasExited && this.hereLives
    for (const [n, { here }] of this.wires.entries())
      if (isAlone && !here.isReading && !here.destroyed)
        this.faults.push(`${n} is frozen for nobody`)
    for (const [n, wire] of this.wires.entries())
      if (wire.here.isReading && wire.there?.isReading) this.faults.push(`both read ${n}`)
    for (const [n, lane] of this.lanes.entries())
      if (lane.length > 1) this.faults.push(`${lane.length} offers in lane ${n}`)
  }

  end(): void {
    this.hereLives = false
    this.migration.cancel()
    this.here.connections.uninstall()
    this.there.connections.uninstall()
  }

  #successor(): Successor {
    const send = (at: number, offer: Offer, sent: Sent, cargo: FakeHandle): void => {
      if (!this.hereLives) return
      const { wire } = cargo
      if (!wire) throw new Error('a handle of nobody')
      wire.offers.push(offer.id)
      if (!this.thereLives || this.failsNext) {
        this.failsNext = false
        wire.void.add(offer.id)
        return void this.callbacks.push(() => sent(new Error('EPIPE')))
      }
      this.lanes[at]?.push({ offer, wire })
      this.callbacks.push(() => sent())
    }
    return {
      pid: 4_711,
      adopts: true,
      exited: new Promise((resolve) => {
        this.noticeExit = () => resolve({ code: null, signal: 'SIGKILL' })
      }),
      toldToStop: new Promise<void>((resolve) => {
        this.noticeStop = resolve
      }),
      lanes: this.lanes.map((_, at) => ({ send: send.bind(this, at), close: nothing })),
      tell: (verdict: Verdict, sent: Sent) => this.#tell(verdict, sent),
      poll: nothing,
      onAnswer: (hear: (answer: Answer) => void) => {
        this.hear = hear
        return () => {
          this.hear = nothing
        }
      },
    } as unknown as Successor
  }

  #tell(verdict: Verdict, sent: Sent): void {
    if (!this.hereLives) return
    if (!this.thereLives) return void this.callbacks.push(() => sent(new Error('EPIPE')))
    this.down.push(verdict)
    this.callbacks.push(() => sent(null))
    for (const id of verdict.ids) {
      const wire = this.wires.find(({ offers }) => offers.includes(id))
      wire?.[verdict.endless === 'keep' ? 'void' : 'told'].add(id)
      if (verdict.endless === 'keep' || !wire) continue
      if (wire.here._handle.reads) this.faults.push(`${id} is read from, and said to be theirs`)
      if (wire.here.isPartial || wire.here.isBusy)
        this.faults.push(`${id} is at a request, and said to be theirs`)
    }
  }

  #predecessor(): Predecessor {
    let isGone = false
    return {
      get alive() {
        return !isGone
      },
      gone: new Promise<void>((resolve) => {
        this.noticeGone = () => {
          isGone = true
          resolve()
        }
      }),
      onVerdict: (hear: World['says']) => {
        this.says = hear
      },
      poll: nothing,
      answer: (answer: Answer) => {
        if (answer.endless === 'refused')
          for (const wire of this.wires) for (const id of answer.ids) wire.void.add(id)
        if (this.thereLives && !isGone) this.up.push(answer)
      },
    } as unknown as Predecessor
  }

  #thawed(wire: Wire): void {
    if (this.hereLives && this.thereLives && wire.isTheirs) this.faults.push('thawed after yours')
  }

  #left(wire: Wire): void {
    if (!this.hereLives || wire.closedByClient) return
    wire.movedByUs = true
    if (!wire.told.has(wire.offers.at(-1) ?? -1))
      this.faults.push('one was let go before it was said whose it is')
  }

  #accepted(socket: FakeSocket, handle: FakeHandle): void {
    const { offer: id, wire } = handle
    if (!wire || !this.thereLives) return void socket.destroy()
    if (wire.there) this.faults.push(`offer ${id} was adopted twice`)
    if (wire.void.has(id)) this.faults.push(`offer ${id} was adopted after it was taken back`)
    if (!wire.told.has(id)) this.faults.push(`offer ${id} was adopted too early`)
    wire.there = socket
  }
}
