import {
  type Born,
  type Handle,
  messageOf,
  SpawnedSuccessor,
  type startWorker,
  type ToSupervisor,
} from '@endlessjs/core/fleet'
import type { Holder } from './holder.js'
import type { Mouth } from './mouth.js'
import type { Release } from './release.js'
import type { Slot } from './slot.js'
import { Worker, type WorkerFacts } from './worker.js'

type Spawn = Extract<ToSupervisor, { endless: 'spawn' }>

/** Spawns workers: those that come after another one, and those that come after nobody. */
export class Nursery {
  readonly #holder: Holder
  readonly #mouth: Mouth
  readonly #hear: (worker: Worker, message: ToSupervisor, cargo: Handle | undefined) => void
  readonly #joined: (slot: Slot, worker: Worker) => void
  readonly #begins: (slot: Slot, worker: Worker) => void
  readonly #start: typeof startWorker

  /**
   * @param hear what workers say
   * @param joined told of each one that was spawned
   * @param begins told of the first one of a slot, before it serves
   * @param start spawns a process
   */
  constructor(
    holder: Holder,
    mouth: Mouth,
    hear: (worker: Worker, message: ToSupervisor, cargo: Handle | undefined) => void,
    joined: (slot: Slot, worker: Worker) => void,
    begins: (slot: Slot, worker: Worker) => void,
    start: typeof startWorker,
  ) {
    this.#holder = holder
    this.#mouth = mouth
    this.#hear = hear
    this.#joined = joined
    this.#begins = begins
    this.#start = start
  }

  /**
   * The first one of a slot, or one after a crash: the supervisor hands over to it, and is gone then. Settles
   * when it serves; throws what an upgrade throws, when it is reaped.
   */
  async first(slot: Slot, release: Release, readyTimeout: number): Promise<Worker> {
    const { facts, born } = await this.#bear(slot, release, process.pid, 0)
    const worker = this.#welcome(slot, facts, born)
    const signal = (what: NodeJS.Signals): void => slot.signal(worker.pid, what)
    const body = { ...born.body, signal }
    const successor = new SpawnedSuccessor(body, born.ends(), readyTimeout, { report: () => {} })
    try {
      await successor.ready
      this.#begins(slot, worker)
      await successor.go({})
      await worker.serves
      return worker
    } catch (error) {
      await successor.stop(error as never, readyTimeout)
      throw error
    } finally {
      successor.leave()
    }
  }

  /** One that comes after another, which talks to it from here on. */
  async next(slot: Slot, release: Release, old: Worker, spawn: Spawn): Promise<Worker | undefined> {
    const { id } = spawn
    try {
      const changed = { ...release, plan: () => spawn.plan }
      const { facts, born } = await this.#bear(slot, changed, old.pid, spawn.lanes)
      born.passEnds((handle, sent) => old.tell({ endless: 'pipe', id }, handle, sent))
      const worker = this.#welcome(slot, { ...facts, release }, born)
      old.tell({ endless: 'spawned', id, pid: worker.pid })
      void worker.exited.then((exit) => old.tell({ endless: 'exited', pid: worker.pid, ...exit }))
      return worker
    } catch (error) {
      old.tell({ endless: 'notSpawned', id, message: messageOf(error) })
      return undefined
    }
  }

  async #bear(
    slot: Slot,
    release: Release,
    predecessor: number,
    lanes: number,
  ): Promise<{ facts: WorkerFacts; born: Born }> {
    const facts = {
      slot: slot.index,
      generation: slot.nextGeneration(),
      release,
      // Not a secret: the channel is private. It tells this process from one that had its pid.
      nonce: `${Date.now()}-${Math.random()}`,
    }
    const born = await this.#start(release.plan(slot.index), {
      generation: facts.generation,
      listeners: this.#holder.parcel(),
      link: { slot: slot.index, nonce: facts.nonce },
      lanes,
      predecessor,
      piped: this.#mouth.takes,
    })
    return { facts, born }
  }

  #welcome(slot: Slot, facts: WorkerFacts, born: Born): Worker {
    this.#mouth.speakFor(slot.index, born.stdout, born.stderr)
    const worker = new Worker(facts, born, this.#hear)
    slot.join(worker)
    this.#joined(slot, worker)
    return worker
  }
}
