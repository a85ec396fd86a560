import { setTimeout as delay } from 'node:timers/promises'
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'

export type Qos = 0 | 1 | 2

/** Which messages of a talker have come, by topic and in their order. */
export class Inbox {
  readonly received: Map<string, number[]> = new Map()
  readonly #told: Set<() => void> = new Set()

  take(topic: string, payload: string): void {
    const all = this.received.get(topic) ?? []
    this.received.set(topic, all)
    all.push(Number(payload))
    for (const told of this.#told) told()
  }

  has(topic: string, count: number): boolean {
    return new Set(this.received.get(topic)).size >= count
  }

  /** Settles when as many different ones have come, or after a while: what is lost never comes. */
  async until(topic: string, count: number, patience = 5_000): Promise<void> {
    const late = delay(patience, undefined, { ref: false })
    while (!this.has(topic, count)) {
      let told = (): void => {}
      const next = new Promise<'told'>((resolve) => {
        told = () => resolve('told')
      })
      this.#told.add(told)
      const what = await Promise.race([next, late])
      this.#told.delete(told)
      if (what !== 'told') return
    }
  }

  /** What is wrong with them: lost, doubled, or in another order than they were said. */
  faults(topic: string, count: number): string[] {
    const faults: string[] = []
    const seen = new Set<number>()
    let last = 0
    for (const n of this.received.get(topic) ?? []) {
      if (seen.has(n)) faults.push(`${topic}: ${n} came twice`)
      else if (n < last) faults.push(`${topic}: ${n} came behind ${last}`)
      seen.add(n)
      last = Math.max(last, n)
    }
    for (let n = 1; n <= count; n++)
      if (!seen.has(n)) faults.push(`${topic}: ${n} of ${count} is lost`)
    return faults
  }
}

/** A client of the library mqtt. It never reconnects: who is closed is a fault. */
export class Talker {
  readonly client: MqttClient
  readonly inbox: Inbox = new Inbox()
  readonly faults: string[] = []
  #ends = false

  private constructor(client: MqttClient, name: string) {
    this.client = client
    client.on('message', (topic, payload) => this.inbox.take(topic, String(payload)))
    client.on('error', (error) => this.faults.push(`${name}: ${error.message}`))
    client.on('close', () => {
      if (!this.#ends) this.faults.push(`${name}: closed`)
    })
  }

  static async connect(port: number, name: string, options: IClientOptions = {}): Promise<Talker> {
    const given = { host: '127.0.0.1', port, clientId: name, reconnectPeriod: 0, ...options }
    const client = mqtt.connect(given)
    const talker = new Talker(client, name)
    await new Promise<void>((resolve, reject) => {
      client.once('connect', () => resolve()).once('error', reject)
    })
    return talker
  }

  async end(): Promise<void> {
    this.#ends = true
    await this.client.endAsync()
  }

  /** As one that is cut off. */
  async cut(): Promise<void> {
    this.#ends = true
    await this.client.endAsync(true)
  }
}

/** Says numbers on topics, one after the other, until it is told to stop. */
export class Speech {
  readonly topic: string
  said = 0
  #stopped = false
  readonly #done: Promise<void>

  /** @param pause in ms; of each its own, so that they are at different places when a connection moves */
  constructor(talker: Talker, topic: string, qos: Qos, pause: number) {
    this.topic = topic
    this.#done = this.#speak(talker, qos, pause)
    this.#done.catch(() => {})
  }

  async #speak({ client }: Talker, qos: Qos, pause: number): Promise<void> {
    while (!this.#stopped) {
      this.said += 1
      await client.publishAsync(this.topic, String(this.said), { qos })
      if (pause > 0) await delay(pause)
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#done
  }
}

/** Clients of which each hears itself, or the one that is so many ahead, and all that is said. */
export class Crowd {
  readonly #ahead: number
  readonly #talkers: readonly Talker[]
  readonly #speeches: readonly (readonly Speech[])[]

  private constructor(talkers: readonly Talker[], ahead: number) {
    this.#ahead = ahead
    this.#talkers = talkers
    this.#speeches = talkers.map((talker, n) =>
      ([0, 1, 2] as const).map((qos) => new Speech(talker, `${n}/${qos}`, qos, 50 + n)),
    )
  }

  static async connect(port: number, count: number, ahead: number): Promise<Crowd> {
    const talkers: Talker[] = []
    for (let n = 0; n < count; n++) {
      const talker = await Talker.connect(port, `client ${n}`)
      await talker.client.subscribeAsync(`${(n + ahead) % count}/+`, { qos: 2 })
      talkers.push(talker)
    }
    return new Crowd(talkers, ahead)
  }

  /**
   * @param least each has said more than so many things
   * @returns what went wrong
   */
  async stop(least: number): Promise<string[]> {
    await Promise.all(this.#speeches.flat().map((speech) => speech.stop()))
    const faults = this.#talkers.map(async ({ faults, inbox }, n) => {
      const heard = this.#speeches[(n + this.#ahead) % this.#talkers.length] ?? []
      await Promise.all(heard.map(({ topic, said }) => inbox.until(topic, said)))
      const few = heard.filter(({ said }) => said <= least)
      return [
        ...faults,
        ...few.map(({ topic, said }) => `${topic}: no more than ${said} messages`),
        ...heard.flatMap(({ topic, said }) => inbox.faults(topic, said)),
      ]
    })
    const all = (await Promise.all(faults)).flat()
    await Promise.all(this.#talkers.map((talker) => talker.end()))
    return all
  }
}
