import { Service } from '@endlessjs/test/service'
import { service as path } from '../child.js'
import type { Upgradable } from './upgradable.js'

/** HUP: the successor inherits the socket. */
export class Endless implements Upgradable {
  readonly #options: object
  #service: Service | undefined

  /** @param options of `endless()` */
  constructor(options: object = {}) {
    this.#options = options
  }

  async start(): Promise<number> {
    const script = path('endless.js')
    // The defaults of users, not those of our tests.
    const defaults = { probation: undefined, slowStart: undefined }
    const options = { ...defaults, ...this.#options }
    const service = await Service.start({ script, options, wait: false })
    this.#service = service
    const ended = service.ended.then(() => {
      throw new Error(`${script} has ended\n${service.stderr}`)
    })
    await Promise.race([service.until({ event: 'state', to: 'ready' }), ended])
    return service.port()
  }

  async upgrade(): Promise<void> {
    await this.#service?.handOver()
  }

  async stop(): Promise<void> {
    await this.#service?.stop()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#service?.[Symbol.asyncDispose]()
  }
}
