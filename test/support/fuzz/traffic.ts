import { between, type Random, seeded } from '../client/random.js'
import { type Manners, makeAsk } from './ask.js'
import { Wire } from './wire.js'

/** Clients that send and check for ever, each on one connection at a time. */
export class Traffic {
  readonly wires: Wire[] = []
  readonly #port: number
  readonly #manners: Manners
  readonly #running: Promise<unknown>
  #stopping = false

  constructor(port: number, clients: number, seed: number, manners: Manners) {
    this.#port = port
    this.#manners = manners
    const each = (_: unknown, n: number): Promise<void> => this.#run(n, seeded(seed * 65_537 + n))
    this.#running = Promise.all(Array.from({ length: clients }, each))
    // Whoever stops it hears of it.
    this.#running.catch(() => {})
  }

  /** No further request; settles when all are answered and all connections closed. */
  async stop(): Promise<void> {
    this.#stopping = true
    await this.#running
  }

  async #run(client: number, random: Random): Promise<void> {
    await pause(between(random, 0, 30))
    for (let n = 0; !this.#stopping; ) {
      const wire = await Wire.open(this.#port)
      this.wires.push(wire)
      while (!this.#stopping && wire.fate === 'open') {
        // What was lost is not asked again: each is asked once at most.
        const ask = makeAsk(random, `${client}.${n++}`, this.#manners)
        await wire.room(ask.depth)
        await pause(ask.idle)
        if (wire.fate === 'open') await wire.send(ask)
      }
      await wire.room(1)
      await wire.finish()
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
