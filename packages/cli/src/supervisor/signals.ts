import { EndlessError, Hangup } from '@endlessjs/core/fleet'
import type { Fleet } from './fleet.js'
import type { Voice } from './voice.js'

/** What Node or a terminal makes of them, the workers do: they are passed on. */
const passed = ['SIGUSR1', 'SIGALRM', 'SIGWINCH', 'SIGCONT'] as const

/** What comes within that, in ms, is one signal to all of a process group. */
const together = 1_000

/** The signals of the supervisor: endless' map, for the whole fleet. */
export class FleetSignals {
  readonly #fleet: Fleet
  readonly #voice: Voice
  readonly #hangup = new Hangup()
  readonly #taken: (readonly [NodeJS.Signals, () => void])[] = []

  constructor(fleet: Fleet, voice: Voice) {
    this.#fleet = fleet
    this.#voice = voice
    this.#take('SIGHUP', () => this.#hup())
    this.#take('SIGUSR2', () => this.#hammer())
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      this.#take(signal, () => {
        // Of a signal to all of a process group, a worker may have told us before we heard it: one stop.
        const isSame = performance.now() - fleet.stoppedByWorkerAt < together
        fleet.stoppedByWorkerAt = Number.NEGATIVE_INFINITY
        const isSecond = fleet.isEnding && !isSame
        this.#voice.say(`Received ${signal}. ${isSecond ? 'At once.' : 'Stopping.'}`)
        if (!isSame) fleet.stop()
      })
    for (const signal of passed)
      this.#take(signal, () => {
        for (const worker of fleet.living) worker.signal(signal)
      })
  }

  uninstall(): void {
    this.#hangup.uninstall()
    for (const [signal, handler] of this.#taken) process.off(signal, handler)
  }

  #take(signal: NodeJS.Signals, handler: () => void): void {
    process.on(signal, handler)
    this.#taken.push([signal, handler])
  }

  #hup(): void {
    const meaning = this.#hangup.meaning('SIGHUP')
    if (meaning === 'nothing')
      return this.#voice.say('Received SIGHUP. The terminal is gone: ignored, as nohup asks.')
    if (meaning === 'end') {
      this.#voice.say('Received SIGHUP. The terminal is gone: no reload, but the end.')
      // The kernel tells the workers, too, and one of them may have been faster: a hang-up is one stop.
      if (!this.#fleet.isEnding) this.#fleet.stop()
      return
    }
    this.#voice.say('Received SIGHUP. Reloading.')
    this.#fleet.reload().catch((error: unknown) => {
      // What failed on the way was said where it failed; a refusal was not.
      const refusals = [
        'ERR_ENDLESS_UPGRADE_IN_PROGRESS',
        'ERR_ENDLESS_NOT_READY',
        'ERR_ENDLESS_DRAINING',
      ]
      if (!(error instanceof EndlessError) || refusals.includes(error.code))
        this.#voice.complain('Reload refused', error)
    })
  }

  #hammer(): void {
    this.#voice.say('Received SIGUSR2. Hammer.')
    try {
      this.#fleet.hammer()
    } catch (error) {
      this.#voice.complain('Nothing to do', error)
    }
  }
}
