import { setTimeout as delay } from 'node:timers/promises'
import { bin, controlInADirectory } from './fleet.js'
import { isAlive } from './processes.js'
import { type Exit, Service, type ServiceEvent, type StartOptions } from './service.js'

/** A service as a test of one without a supervisor sees it: its generations are those of the one worker. */
export class Supervised extends Service {
  readonly #either: Promise<Exit> = Promise.race([this.#firstIsGone(), super.exited])

  static override async start({ script, args = [], ...options }: StartOptions): Promise<Service> {
    const own = ['start', '--control', controlInADirectory(), script]
    const service = new Supervised({ ...options, script: bin, args: [...own, ...args] })
    if (options.wait !== false) await service.untilStderr(/ serves: \d+ workers/)
    return service
  }

  /** Settles with the exit of the first worker, or of the supervisor where no worker has come so far. */
  override get exited(): Promise<Exit> {
    return this.#either
  }

  /** Of the first worker. */
  override get pid(): number {
    return this.events[0]?.pid ?? -1
  }

  /** As {@link Service.hup}; where a reload has not ended yet, another one would be refused. */
  override async hup(pid?: number): Promise<ServiceEvent> {
    const said = (text: RegExp): number => this.stderr.match(text)?.length ?? 0
    await this.found(
      () => said(/Reloading \d+ workers/g) <= said(/Reloaded in|Reload failed/g) || undefined,
    )
    return super.hup(pid)
  }

  async #firstIsGone(): Promise<Exit> {
    const { code, pid } = await this.found(() => this.all({ event: 'exit', pid: this.pid })[0])
    // It is the supervisor that hears of it; there is no event here.
    while (isAlive(pid)) await delay(5)
    return { code: Number(code), signal: null }
  }
}
