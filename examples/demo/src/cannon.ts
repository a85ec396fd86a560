import { setTimeout as delay } from 'node:timers/promises'
import type { Failure } from '@endlessjs/test/client'
import autocannon from 'autocannon'
import { Answers } from './answers.js'
import { CannonClient, type Owner } from './cannonclient.js'
import { type Kept, noFailures, type Traffic } from './traffic.js'

/**
 * A client of autocannon fires its requests of one second in one volley and then rests. Several
 * instances, begun one after the other, make a steady load of that.
 */
const instances = 10
const connections = 2
/** Requests per second and connection. */
const rate = 100

/** autocannon on keep-alive connections: GET and POST in turns. */
export class Cannon implements Traffic, Owner {
  readonly name = 'autocannon'
  readonly enough = 4_000
  readonly timeout = 10
  readonly answers: Answers = new Answers(this.name)
  readonly failures: Record<Failure, number> = noFailures()
  readonly samples: string[] = []
  readonly #clients: CannonClient[] = []
  readonly #running: autocannon.Instance[] = []
  readonly #done: Promise<unknown>
  stopping = false

  constructor(port: number) {
    const numbers = Array.from({ length: instances }, (_, n) => n)
    this.#done = Promise.all(numbers.map((n) => this.#run(port, (n * 1_000) / instances)))
  }

  get kept(): Kept {
    const counts = this.#clients.map((client) => client.opened)
    return {
      clients: instances * connections,
      opened: counts.reduce((sum, opened) => sum + opened, 0),
      reconnects: counts.reduce((sum, opened) => sum + Math.max(0, opened - 1), 0),
    }
  }

  answered(version: string): void {
    this.answers.add(version)
  }

  failed(kind: Failure, why: string): void {
    this.failures[kind] += 1
    if (this.samples.length < 20) this.samples.push(`${kind} autocannon ${why}`)
  }

  async stop(): Promise<void> {
    this.stopping = true
    await Promise.race([this.#done, Promise.all(this.#clients.map((client) => client.rest()))])
    for (const instance of this.#running) instance.stop()
    await this.#done
  }

  async #run(port: number, after: number): Promise<void> {
    await delay(after)
    if (this.stopping) return
    await new Promise<void>((resolve) => {
      this.#running.push(autocannon(this.#options(port), () => resolve()))
    })
  }

  #options(port: number): autocannon.Options {
    return {
      url: `http://127.0.0.1:${port}/`,
      connections,
      connectionRate: rate,
      timeout: this.timeout,
      duration: 3_600,
      // Refused, it tries again without a pause: with no service at all that has to end.
      bailout: 100,
      setupClient: (client) =>
        void this.#clients.push(new CannonClient(client, this, this.#clients.length)),
    }
  }
}
