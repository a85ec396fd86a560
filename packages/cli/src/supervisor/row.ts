import { Slot } from './slot.js'
import type { Worker } from './worker.js'

/** The slots of a fleet, in their order, and those that were taken away while they have workers. */
export class Row {
  readonly #slots: Slot[] = []
  readonly #leaving = new Set<Slot>()

  get slots(): readonly Slot[] {
    return this.#slots
  }

  /** Workers that have not exited. */
  get living(): Worker[] {
    return [...this.#slots, ...this.#leaving].flatMap(({ living }) => [...living])
  }

  slotOf(worker: Worker): Slot | undefined {
    return [...this.#slots, ...this.#leaving].find(({ living }) => living.has(worker))
  }

  /** One more, with the least number that is free. */
  add(): Slot {
    const taken = new Set(this.#slots.map(({ index }) => index))
    let index = 0
    while (taken.has(index)) index++
    const slot = new Slot(index)
    this.#slots.push(slot)
    return slot
  }

  /** It was never filled; nothing where it has been taken away meanwhile. */
  drop(slot: Slot): void {
    const at = this.#slots.indexOf(slot)
    if (at >= 0) this.#slots.splice(at, 1)
  }

  /** All behind so many are taken away: nobody comes into them any more. Settles when they are empty. */
  async shorten(count: number): Promise<void> {
    const leaving = this.#slots.splice(count)
    await Promise.all(leaving.map((slot) => this.#close(slot)))
  }

  async #close(slot: Slot): Promise<void> {
    this.#leaving.add(slot)
    slot.isClosed = true
    for (const worker of slot.living) slot.stop(worker)
    await slot.emptied()
    this.#leaving.delete(slot)
  }
}
