import { EndlessError, type ErrorCode } from '../errors.js'
import {
  type Exit,
  type HandedLink,
  type Parcel,
  SpawnedSuccessor,
  type SpawnPlan,
  type Successor,
} from '../handover/index.js'
import { type Channel, type Handle, openChannel } from '../node/index.js'
import type { TalkOfSupervisor, ToSupervisor, ToWorker, Wish } from './messages.js'

/** Those that the process above waits for an answer to, by what it asked. */
interface Asked {
  readonly grant: () => void
  readonly refuse: (error: EndlessError) => void
}

/** A successor that was spawned for us. */
interface Newborn {
  readonly pid: number
  readonly exited: Promise<Exit>
}

/** One that is being spawned. */
interface Birth {
  readonly born: (one: Newborn) => void
  readonly dead: (error: EndlessError) => void
}

/** The supervisor of this process, at the other end of a channel. */
export class Supervisor {
  readonly pid: number
  readonly slot: number
  readonly nonce: string
  /** Settles when it is gone: nobody spawns a successor then, and nobody replaces us. */
  readonly gone: Promise<void>
  readonly #link: Channel
  readonly #asked = new Map<number, Asked>()
  readonly #births = new Map<number, Birth>()
  /** That have come, by what they are for. */
  readonly #pipes = new Map<number, Handle[]>()
  readonly #together = new Map<number, Asked>()
  readonly #exits = new Map<number, (exit: Exit) => void>()
  readonly #wished = new Set<Wish>()
  #nextId = 0
  #order: (order: ToWorker, ends: readonly Channel[]) => void = () => {}
  #talk: (told: TalkOfSupervisor) => void = () => {}

  constructor({ pid, slot, nonce }: HandedLink, link: Channel) {
    this.pid = pid
    this.slot = slot
    this.nonce = nonce
    this.#link = link
    this.gone = link.closed
    link.listen((message, cargo) => this.#hear(message as ToWorker, cargo))
    // What keeps us alive is our servers.
    link.unref()
    void this.gone.then(() => {
      const error = goneError()
      for (const { refuse } of [...this.#asked.values(), ...this.#together.values()]) refuse(error)
      for (const { dead } of this.#births.values()) dead(error)
    })
  }

  get alive(): boolean {
    return this.#link.isOpen
  }

  /**
   * Hears what this process is to do, by itself or with the rest of the fleet.
   * @param hear gets the ends of the pipes that came for it
   */
  onOrder(hear: (order: ToWorker, ends: readonly Channel[]) => void): void {
    this.#order = hear
  }

  /** Hears what other slots say on channels. */
  onTalk(hear: (told: TalkOfSupervisor) => void): void {
    this.#talk = hear
  }

  tell(message: ToSupervisor, cargo?: Handle): void {
    this.#link.send(message, undefined, cargo)
  }

  /** Asks for something that concerns all of the fleet; settles when it is done, or refused. */
  wish(wish: Wish): Promise<void> {
    if (!this.alive) return Promise.reject(goneError())
    const id = this.#nextId++
    const again = this.#wished.has(wish)
    this.#wished.add(wish)
    return new Promise((grant, refuse) => {
      this.#asked.set(id, { grant, refuse })
      this.tell({ endless: 'wish', id, wish, again })
    })
  }

  /**
   * Has a successor spawned by the supervisor, which outlives us both and holds the listeners; throws
   * `ERR_ENDLESS_SPAWN`.
   * @param id of the order
   */
  async startSuccessor(
    id: number,
    plan: SpawnPlan,
    { generation, lanes }: Parcel,
    readyTimeout: number,
  ): Promise<Successor> {
    if (!this.alive) throw goneError()
    const { pid, exited } = await new Promise<Newborn>((born, dead) => {
      this.#births.set(id, { born, dead })
      this.tell({ endless: 'spawn', id, plan, generation, lanes })
    }).finally(() => this.#births.delete(id))
    const ends = this.#endsFor(id)
    const [inbox, outbox, ...others] = ends
    const signal = (what: NodeJS.Signals): void =>
      this.tell({ endless: 'signal', pid, signal: what })
    if (!inbox || !outbox || ends.length !== 2 + lanes) {
      // The kernel had no fd for one of them. Nobody could talk to it.
      for (const one of ends) one.close()
      signal('SIGKILL')
      throw new EndlessError(
        'ERR_ENDLESS_SPAWN',
        `successor ${pid}: expected ${2 + lanes} pipes from supervisor ${this.pid}, received ${ends.length}`,
      )
    }
    const body = {
      pid,
      // It is gone when all that it had said was heard.
      exited: Promise.all([exited, inbox.closed]).then(([exit]) => exit),
      signal,
    }
    return new SpawnedSuccessor(body, { inbox, outbox, lanes: others }, readyTimeout, {
      together: () => this.#waitForAll(id),
      report: (report) => this.tell({ endless: 'drains', report }),
    })
  }

  uninstall(): void {
    this.#link.close()
  }

  #waitForAll(id: number): Promise<void> {
    return new Promise((grant, refuse) => {
      this.#together.set(id, { grant, refuse })
      this.tell({ endless: 'ready', id })
    })
  }

  #endsFor(id: number): Channel[] {
    const pipes = this.#pipes.get(id) ?? []
    this.#pipes.delete(id)
    // The kernel hands out a copy of each, and Node takes it for a pipe without handles: opened anew.
    return pipes.map(({ fd }) => openChannel(fd)).filter((one) => one !== undefined)
  }

  #hear(message: ToWorker, cargo: Handle | undefined): void {
    switch (message.endless) {
      case 'pipe':
        if (cargo) this.#pipes.set(message.id, [...(this.#pipes.get(message.id) ?? []), cargo])
        return
      case 'give':
      case 'take':
        return this.#order(message, this.#endsFor(message.id))
      case 'spawned':
        return this.#born(message.id, message.pid)
      case 'notSpawned':
        return this.#births
          .get(message.id)
          ?.dead(new EndlessError('ERR_ENDLESS_SPAWN', message.message))
      case 'together':
        this.#together.get(message.id)?.grant()
        return void this.#together.delete(message.id)
      case 'apart':
        this.#together.get(message.id)?.refuse(new EndlessError('ERR_ENDLESS_STOPPED', message.why))
        this.#together.delete(message.id)
        return this.#order(message, [])
      case 'exited': {
        const { pid, code, signal } = message
        this.#exits.get(pid)?.({ code, signal })
        return void this.#exits.delete(pid)
      }
      case 'granted':
        return this.#granted(message)
      case 'said':
      case 'yielded':
        return this.#talk(message)
      default:
        return this.#order(message, [])
    }
  }

  /** Its end may be told in the same breath. */
  #born(id: number, pid: number): void {
    const exited = new Promise<Exit>((resolve) => this.#exits.set(pid, resolve))
    this.#births.get(id)?.born({ pid, exited })
  }

  #granted({ id, refused }: Extract<ToWorker, { endless: 'granted' }>): void {
    const asked = this.#asked.get(id)
    this.#asked.delete(id)
    if (refused) asked?.refuse(new EndlessError(refused.code as ErrorCode, refused.message))
    else asked?.grant()
  }
}

/** The supervisor that a process was started by; undefined where it was started without one. */
export function findSupervisor(link: HandedLink | undefined): Supervisor | undefined {
  const channel = link && openChannel(link.fd)
  return link && channel && new Supervisor(link, channel)
}

function goneError(): EndlessError {
  return new EndlessError(
    'ERR_ENDLESS_UNSUPPORTED',
    'the supervisor is gone: start the service again',
  )
}
