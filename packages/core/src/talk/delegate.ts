import type { Said } from '../handover/index.js'
import type { Supervisor, TalkOfSupervisor } from '../supervision/index.js'
import type { Line } from './line.js'

/** For so long others may take until all is passed on, in ms: a supervisor of a release before this never says so. */
const longest = 5_000

/**
 * One process of a slot speaks to the supervisor for all of them, and hears what other slots say: the newest that
 * serves. What it passes on to the next one is two things, because they end at two moments: its mouth, with the word
 * `yields` to the supervisor, after which it says nothing there; and its ears, when the supervisor has answered
 * `yielded`, after which it is told nothing. The next one gets `speak` and `listen` by the line between them, behind
 * all that was said before. So at the switch nothing is lost, nothing comes twice, and nobody overtakes himself.
 */
export class Delegate {
  readonly #supervisor: Supervisor
  readonly #handle: (said: Said) => void
  #speaks: boolean
  #listens: boolean
  /** Who gives us the mouth. */
  #giver: Line | undefined
  /** Who gives us the ears, one turn after the other, and who of them has. */
  readonly #turns: Line[] = []
  readonly #had = new Set<Line>()
  /** Who gets both, as soon as we have them. */
  #heir: Line | undefined
  /** Who got the mouth, and gets the ears: in their order, for each there comes one `yielded`. */
  readonly #given: Line[] = []
  #lastGiven: Line | undefined
  /** What the supervisor tells us before it is our turn. */
  readonly #early: TalkOfSupervisor[] = []
  readonly #waiting = new Set<() => void>()

  /**
   * @param giver the process before it in its slot; undefined for the first one
   * @param handle called with what other slots say
   */
  constructor(supervisor: Supervisor, giver: Line | undefined, handle: (said: Said) => void) {
    this.#supervisor = supervisor
    this.#handle = handle
    this.#giver = giver
    if (giver) this.#turns.push(giver)
    this.#speaks = giver === undefined
    this.#listens = giver === undefined
    supervisor.onTalk((told) => {
      this.#early.push(told)
      this.#hear()
    })
  }

  /** Settles when the heir has the mouth, and the ears: until then there is something to pass on. */
  settled(): Promise<unknown> {
    if (!this.#owes) return Promise.resolve()
    const settled = new Promise<void>((resolve) => {
      this.#waiting.add(resolve)
      setTimeout(resolve, longest).unref()
    })
    return Promise.race([settled, this.#supervisor.gone])
  }

  get #owes(): boolean {
    return this.#given.length > 0 || (this.#heir !== undefined && this.#giver !== undefined)
  }

  #look(): void {
    if (this.#owes) return
    for (const resolve of this.#waiting) resolve()
    this.#waiting.clear()
  }

  say(said: Said): void {
    if (this.#speaks) this.#supervisor.tell({ endless: 'said', ...said })
  }

  /** The one at the other end serves instead. */
  yield(heir: Line): void {
    this.#heir = heir
    if (this.#speaks) this.#give(heir)
  }

  /** This one serves again. */
  takeBack(heir: Line): void {
    if (this.#heir === heir) this.#heir = undefined
    if (this.#lastGiven !== heir) return
    this.#giver = heir
    this.#turns.push(heir)
    if (heir.isOpen) heir.tell({ endless: 'want' })
    else this.gone(heir)
  }

  /** @param heard how many of our messages the other one has passed on */
  speak(line: Line, heard: number): void {
    // One that ends on purpose gives it back before it is asked.
    if (line === this.#lastGiven && line !== this.#giver) this.#turns.push(line)
    else if (line !== this.#giver) return
    if (line === this.#heir) this.#heir = undefined
    this.#lastGiven = undefined
    this.#takeMouth(line.since(heard))
  }

  listen(line: Line): void {
    if (!this.#turns.includes(line)) return
    this.#had.add(line)
    this.#hear()
  }

  /** The one at the other end passes nothing on any more. */
  gone(line: Line): void {
    if (line === this.#heir) this.#heir = undefined
    // It may have said `speak` and not `yields`, or neither.
    if (line === this.#giver || this.#turns.includes(line))
      this.#supervisor.tell({ endless: 'claims' })
    // Some of it may have been passed on: the supervisor knows.
    if (line === this.#giver) this.#takeMouth(line.since(0))
    this.listen(line)
    this.#look()
  }

  #takeMouth(unsaid: readonly Said[]): void {
    this.#giver = undefined
    this.#speaks = true
    for (const said of unsaid) this.say(said)
    if (this.#heir) this.#give(this.#heir)
  }

  #give(heir: Line): void {
    this.#speaks = false
    this.#lastGiven = heir
    this.#given.push(heir)
    this.#supervisor.tell({ endless: 'yields', to: heir.pid })
    heir.tell({ endless: 'speak', heard: heir.heard })
  }

  #hear(): void {
    while (this.#isOurTurn()) {
      const told = this.#early.shift()
      if (!told) return
      if (told.endless === 'said') this.#handle(told)
      else this.#yielded()
    }
  }

  #isOurTurn(): boolean {
    const [next] = this.#turns
    if (!this.#listens && next && this.#had.delete(next)) {
      this.#turns.shift()
      this.#listens = true
    }
    return this.#listens
  }

  /** What comes from here on is for the next time that it is our turn. */
  #yielded(): void {
    this.#listens = false
    this.#given.shift()?.tell({ endless: 'listen' })
    this.#look()
  }
}
