import { setImmediate as turn } from 'node:timers/promises'
import { vi } from 'vitest'
import { between, type Random } from '../../../../../test/support/client/random.js'
import type { World } from './world.js'

/** For how long a successor may be silent before it is given up, in ms. */
export const stallTimeout = 3_000

/** What can happen next, by chance; where it cannot happen now, nothing does. */
export class Chance {
  readonly log: string[] = []
  /** Nothing has happened that keeps a connection from moving. */
  isFair = true
  /** The successor hangs. */
  isStopped = false
  #time = 0
  readonly #world: World
  readonly #random: Random
  readonly #happenings: readonly (readonly [weight: number, name: string, happen: () => void])[]

  constructor(world: World, random: Random) {
    this.#world = world
    this.#random = random
    this.#happenings = [
      [30, 'the successor reads a lane', () => this.#readLane()],
      [15, 'the successor reads the channel', () => this.#readDown()],
      [20, 'we read the channel', () => this.#readUp()],
      [20, 'the kernel has what was written', () => this.#callBack()],
      [15, 'a client asks', () => this.#pick((it) => it.isReading && it.ask())],
      [15, 'a response ends', () => this.#pick((it) => it.answer())],
      [8, 'half a request comes', () => this.#pick((it) => this.#comeHalf(it))],
      [2, 'a client leaves', () => this.#leave()],
      [10, 'time goes by', () => this.#pass(between(random, 1, 300))],
      [4, 'much time goes by', () => this.#pass(between(random, 900, 1_500))],
      [5, 'we look at every connection', () => world.hereLives && world.migration.walk()],
      [4, 'the successor hangs', () => this.#hang(true)],
      [8, 'the successor goes on', () => this.#hang(false)],
      [2, 'a send fails', () => this.#sendFails()],
      [0.4, 'the successor is full', () => this.#fill()],
      [0.4, 'the successor is told to stop', () => this.#stop()],
      [0.5, 'the successor dies', () => world.hereLives && world.killThere()],
      [0.5, 'we die', () => world.thereLives && this.#die()],
    ]
  }

  step(): void {
    const whole = this.#happenings.reduce((sum, [weight]) => sum + weight, 0)
    let at = this.#random() * whole
    for (const [weight, name, happen] of this.#happenings) {
      at -= weight
      if (at >= 0) continue
      this.log.push(name)
      happen()
      break
    }
    this.#world.check(false)
  }

  /**
   * Nothing new happens, and all that is under way comes to its end.
   * @param wakes whether a successor that hangs goes on
   */
  async settle(wakes: boolean): Promise<void> {
    const world = this.#world
    if (wakes) this.isStopped = false
    if (this.isStopped) this.isFair = false
    for (const { here, there } of world.wires)
      for (const socket of [here, there]) {
        while (socket?.isBusy) socket.answer()
        if (socket) socket.isPartial = false
      }
    for (let n = 0; n < 100; n++) {
      if (!this.isStopped) for (const [lane] of world.lanes.entries()) world.readLane(lane, false)
      this.#readDown()
      this.#readUp()
      this.#callBack()
      await turn()
      world.check(true)
      // As often as a drain does, in time that is long enough for whoever is given up.
      if (n % 10 === 0 && world.hereLives) world.migration.walk()
      vi.advanceTimersByTime(100)
    }
  }

  #readLane(): void {
    if (this.isStopped || !this.#world.thereLives) return
    const full = [...this.#world.lanes.keys()].filter((at) => this.#world.lanes[at]?.length)
    const isLost = this.#random() < 0.02
    if (isLost && full.length > 0) this.isFair = false
    this.#world.readLane(this.#oneOf(full) ?? -1, isLost)
  }

  #readDown(): void {
    const { down, hereLives, thereLives } = this.#world
    if (this.isStopped || !thereLives) return
    const verdict = down.shift()
    if (verdict) this.#world.says(verdict)
    else if (!hereLives) this.#world.noticeGone()
  }

  #readUp(): void {
    const { up, hereLives, thereLives } = this.#world
    if (!hereLives) return
    // Of one that has died the end is there with its last words.
    for (const answer of up.splice(0, thereLives ? 1 : up.length)) this.#world.hear(answer)
    if (thereLives) return
    this.#world.hasExited = true
    this.#world.noticeExit()
  }

  #pass(ms: number): void {
    this.#time += ms
    // It may have been given up by then.
    if (this.#time >= stallTimeout) this.isFair = false
    vi.advanceTimersByTime(ms)
  }

  #callBack(): void {
    this.#world.callbacks.shift()?.()
  }

  #comeHalf(socket: World['wires'][number]['here']): void {
    if (socket.isReading) socket.isPartial = !socket.isPartial
  }

  #leave(): void {
    const wire = this.#oneOf(this.#world.wires.filter(({ here }) => here.isReading))
    if (!wire || !this.#world.hereLives) return
    wire.closedByClient = true
    wire.here.destroy()
  }

  #hang(hangs: boolean): void {
    this.isStopped = hangs
  }

  #sendFails(): void {
    this.#world.failsNext = true
  }

  #fill(): void {
    this.#world.thereServer.maxConnections = 1
    this.isFair = false
  }

  #stop(): void {
    const { there, thereLives } = this.#world
    if (!thereLives || there.state !== 'ready') return
    there.machine.send('shutdown')
    this.#world.noticeStop()
    this.isFair = false
  }

  #die(): void {
    this.#world.killHere()
    this.isFair = false
  }

  #pick(what: (socket: World['wires'][number]['here']) => unknown): void {
    const { wires, hereLives } = this.#world
    const socket = this.#oneOf(wires.filter(({ here }) => !here.destroyed))?.here
    if (socket && hereLives) what(socket)
  }

  #oneOf<T>(all: readonly T[]): T | undefined {
    return all[Math.floor(this.#random() * all.length)]
  }
}
