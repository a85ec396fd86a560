import type { Answer, Offer, Successor, Verdict } from '../../handover/index.js'
import type { Channel, Handle, Sent } from '../../node/index.js'

/** A successor that does what a test says, and remembers what it was sent. */
export class SimulatedSuccessor {
  readonly pid = 4_711
  readonly adopts = true
  readonly offers: { readonly offer: Offer; readonly cargo: Handle; readonly sent: Sent }[] = []
  readonly verdicts: Verdict[] = []
  readonly exited: Promise<{ code: null; signal: null }>
  readonly toldToStop: Promise<void>
  readonly lanes: readonly Channel[]
  closedLanes = 0
  /** Of the next verdict. */
  verdictError: Error | undefined
  exit: () => void = () => {}
  saysStop: () => void = () => {}
  #hear: (answer: Answer) => void = () => {}

  constructor(lanes = 2) {
    this.exited = new Promise((resolve) => {
      this.exit = () => resolve({ code: null, signal: null })
    })
    this.toldToStop = new Promise((resolve) => {
      this.saysStop = resolve
    })
    const lane = {
      send: (offer: Offer, sent: Sent, cargo: Handle) =>
        void this.offers.push({ offer, cargo, sent }),
      close: () => void this.closedLanes++,
    }
    this.lanes = Array.from({ length: lanes }, () => ({ ...lane }) as unknown as Channel)
  }

  get successor(): Successor {
    return this as unknown as Successor
  }

  onAnswer(hear: (answer: Answer) => void): () => void {
    this.#hear = hear
    return () => {
      this.#hear = () => {}
    }
  }

  tell(verdict: Verdict, sent: (error: Error | null) => void): void {
    this.verdicts.push(verdict)
    const error = this.verdictError ?? null
    process.nextTick(() => sent(error))
  }

  /** What it is asked for within a turn. */
  poll: () => void = () => {}

  answers(answer: Answer): void {
    this.#hear(answer)
  }

  takes(...ids: number[]): void {
    this.#hear({ endless: 'taken', ids })
  }
}
