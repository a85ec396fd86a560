import type { Parcel } from './parcel.js'

/** What is asked of all processes. */
export interface Question {
  readonly id: string
  /** `none`: whatever was asked before is answered when this is. */
  readonly kind: 'fetch' | 'acks' | 'emit' | 'none'
  readonly nsp: string
  readonly rooms: readonly unknown[]
  readonly except: readonly unknown[]
  readonly flags?: object | undefined
  /** What is emitted. */
  readonly parcel?: Parcel
  /** Of an `emit`: nobody is to answer. */
  readonly isMute?: boolean
}

/** What one of them says, or a part of it. */
export interface Answer {
  readonly id: string
  /** Who has asked. */
  readonly to: string
  readonly parcels: readonly Parcel[]
  /** There may come more of it. */
  readonly more: boolean
  /** Clients move away from there: one may have been on its way when both ends answered. */
  readonly moves: boolean
  /** It could not be said. */
  readonly failed?: string
}

/** A question that was asked, until all have answered it. */
export class Round {
  readonly over: Promise<void>
  readonly since: number = Date.now()
  readonly missing: Set<string>
  readonly count: number
  moves = false
  #end: () => void = () => {}
  #fail: (error: Error) => void = () => {}

  /** @param asked who is to answer */
  constructor(asked: readonly string[]) {
    this.missing = new Set(asked)
    this.count = asked.length
    this.over = new Promise((resolve, reject) => {
      this.#end = resolve
      this.#fail = reject
    })
    // It may fail when nobody waits any more.
    this.over.catch(() => {})
    this.#look()
  }

  hear(by: string, { more, moves, failed }: Omit<Answer, 'id' | 'to' | 'parcels'>): void {
    this.moves ||= moves
    if (failed !== undefined) this.#fail(new Error(failed))
    if (!more) this.without(by)
  }

  /** It has answered, or is gone. */
  without(who: string): void {
    this.missing.delete(who)
    this.#look()
  }

  #look(): void {
    if (this.missing.size === 0) this.#end()
  }
}
