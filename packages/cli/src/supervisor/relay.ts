import type { ToSupervisor, ToWorker } from '@endlessjs/core/fleet'
import type { Slot } from './slot.js'
import type { Worker } from './worker.js'

type Talk = Extract<ToSupervisor, { endless: 'said' | 'yields' | 'claims' }>
type Said = Extract<ToWorker, { endless: 'said' }>

/** Of so many processes it is known what they said last: also those that are gone, whose words may be on their way. */
const mostKnown = 1_000
/** So many are kept for a slot whose delegate has died, until the next one says that it is there. */
const mostKept = 10_000

/**
 * Passes messages of channels from each slot to all others: by its delegate, which is one process at any time. At the
 * end of an upgrade the old one yields to the new one, each by a link of its own: what is read too early waits.
 */
export class Relay {
  readonly #delegates = new Map<Slot, Worker>()
  /** What workers said before it was their turn. */
  readonly #early = new Map<Worker, Talk[]>()
  /** For slots without a delegate. */
  readonly #kept = new Map<Slot, Said[]>()
  /** The last one of each process: one that goes on for another says again what may not have come here. */
  readonly #last = new Map<string, number>()

  /** The first one of a slot is about to serve. */
  appoint(slot: Slot, worker: Worker): void {
    this.#delegates.set(slot, worker)
    // It begins with what comes from here on.
    this.#kept.delete(slot)
  }

  hear(slot: Slot, worker: Worker, message: ToSupervisor): void {
    if (!isTalk(message)) return
    const early = this.#early.get(worker) ?? []
    early.push(message)
    this.#early.set(worker, early)
    this.#hearAll(slot, worker)
  }

  /** It has exited, and all that it had said was heard. */
  gone(slot: Slot, worker: Worker): void {
    this.#early.delete(worker)
    if (this.#delegates.get(slot) === worker) this.#leaveVacant(slot)
    if (slot.living.size === 0) this.#kept.delete(slot)
  }

  #leaveVacant(slot: Slot): void {
    this.#delegates.delete(slot)
    this.#kept.set(slot, [])
    for (const one of slot.living) this.#hearAll(slot, one)
  }

  #hearAll(slot: Slot, worker: Worker): void {
    const early = this.#early.get(worker)
    for (let next = early?.[0]; next && this.#isDelegate(slot, worker); next = early?.[0]) {
      early?.shift()
      if (next.endless === 'said') this.#pass(slot, next)
      if (next.endless === 'yields') this.#yield(slot, worker, next.to)
    }
    if (early?.length === 0) this.#early.delete(worker)
  }

  /** Where there is none, whoever claims it is, and may have said something before. */
  #isDelegate(slot: Slot, worker: Worker): boolean {
    const delegate = this.#delegates.get(slot)
    if (delegate) return delegate === worker
    if (!this.#early.get(worker)?.some(({ endless }) => endless === 'claims')) return false
    this.#delegates.set(slot, worker)
    for (const said of this.#kept.get(slot) ?? []) worker.tell(said)
    this.#kept.delete(slot)
    return true
  }

  #yield(slot: Slot, worker: Worker, to: number): void {
    const heir = [...slot.living].find(({ pid }) => pid === to)
    // The last that this one hears: it says so to the next one, which is told only then what comes from here on.
    worker.tell({ endless: 'yielded' })
    if (!heir) return this.#leaveVacant(slot)
    this.#delegates.set(slot, heir)
    this.#hearAll(slot, heir)
  }

  #pass(from: Slot, said: Said): void {
    const { by, n } = said
    const last = this.#last.get(by) ?? 0
    if (n <= last) return
    this.#last.delete(by)
    this.#last.set(by, n)
    const [oldest] = this.#last.keys()
    if (this.#last.size > mostKnown && oldest !== undefined) this.#last.delete(oldest)
    for (const [slot, delegate] of this.#delegates) if (slot !== from) delegate.tell(said)
    for (const [slot, kept] of this.#kept)
      if (slot !== from && kept.length < mostKept) kept.push(said)
  }
}

function isTalk(message: ToSupervisor): message is Talk {
  const { endless } = message
  return endless === 'said' || endless === 'yields' || endless === 'claims'
}
