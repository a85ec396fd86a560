import type { startWorker } from '@endlessjs/core/fleet'
import { Simulated } from './simulated.js'

type Random = () => number

/** All processes of a fleet, and what happens to them by chance. */
export class World {
  readonly all: Map<number, Simulated> = new Map()
  readonly log: string[] = []
  readonly random: Random
  /** How likely what is started does not start. */
  badStarts = 0
  /** Told of each that is started after nobody, and where. */
  comesAfterNobody: (cwd: string) => void = () => {}
  #pid = 100
  readonly #later: (() => unknown)[] = []

  constructor(random: Random) {
    this.random = random
  }

  readonly start: typeof startWorker = async (plan, parcel) => {
    if (plan.command === 'nowhere') throw new Error('ENOENT')
    const old = parcel.predecessor === process.pid ? undefined : parcel.predecessor
    const { link, generation } = parcel
    if (old === undefined) this.comesAfterNobody(plan.cwd)
    const one = new Simulated(this, this.#pid++, plan.command, link, generation, old)
    this.all.set(one.pid, one)
    this.log.push(`${one.pid} is born in slot ${one.slot}: ${plan.command}`)
    return one.born
  }

  find(pid: number): Simulated | undefined {
    return this.all.get(pid)
  }

  forget({ pid }: Simulated): void {
    this.all.delete(pid)
  }

  /** Some time after. */
  later(what: () => unknown): void {
    this.#later.push(what)
  }

  /** One thing goes on. */
  step(isGentle = false): void {
    const one = this.#any([...this.all.values()])
    if (!one) return
    const dice = this.random()
    const note = (what: string): void => void this.log.push(`${one.pid} ${what}`)
    if (dice < 0.3) return one.deliver()
    if (dice < 0.5) return one.hearSupervisor()
    if (dice < 0.6) return one.hearHeir()
    if (dice < 0.7) return one.hearOld()
    if (dice < 0.8) return one.boot(isGentle || this.random() >= this.badStarts)
    if (dice < 0.84) return one.prove()
    if (dice < 0.87) return one.drained()
    if (dice < 0.89) return void this.#later.shift()?.()
    if (isGentle) {
      one.hangs = false
      return
    }
    if (dice < 0.9) {
      note('dies')
      return one.die({ code: null, signal: 'SIGKILL' })
    }
    if (dice < 0.91) {
      note('hangs')
      one.hangs = true
      return
    }
    if (dice < 0.94) one.hangs = false
  }

  #any<T>(all: readonly T[]): T | undefined {
    return all[Math.floor(this.random() * all.length)]
  }
}
