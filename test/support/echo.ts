import { fixture, Service, type ServiceEvent, within } from './service.js'

/** Where a connection is. */
interface Place {
  pid: number
  /** How many bytes were read of it, by all processes that had it. */
  read: number
  readonly left: string[]
}

/** A service of fixtures/cases.js. */
export class Echo extends Service {
  #seen = 0
  readonly #places = new Map<string, Place>()

  /** @param plain without anything of ours but the listener */
  static async begin({ plain = false }: { readonly plain?: boolean } = {}): Promise<Echo> {
    const env: Record<string, string> = plain ? { PLAIN: '1' } : {}
    // A script that is never between two messages stays in an older generation while others come.
    const options = { maxDraining: 100, hammerTime: 300_000 }
    const echo = new Echo({ script: fixture('cases.js'), env, options })
    await echo.until({ event: 'state', to: 'ready' })
    return echo
  }

  placeOf(name: string): Place {
    for (const event of this.events.slice(this.#seen)) this.#see(event)
    this.#seen = this.events.length
    return this.#places.get(name) ?? { pid: -1, read: 0, left: [] }
  }

  /** Settles when one is where it has to be. */
  async untilAt(name: string, isThere: (place: Place) => boolean): Promise<Place> {
    const look = (): Place | undefined => {
      const place = this.placeOf(name)
      return isThere(place) ? place : undefined
    }
    return within(this.found(look), name, () => this.stderr)
  }

  #see({ event, pid, name, read, code, reason }: ServiceEvent): void {
    const place = this.#places.get(String(name)) ?? { pid, read: 0, left: [] }
    this.#places.set(String(name), place)
    if (event === 'met') place.pid = pid
    if (event === 'read') place.read = Number(read)
    if (event === 'left') place.left.push(`${code} ${reason}`)
  }
}
