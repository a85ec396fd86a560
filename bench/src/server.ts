import { setTimeout as delay } from 'node:timers/promises'
import { Child } from './child.js'

export type Framework = 'express' | 'koa' | 'fastify' | 'http'
export type Side = 'bare' | 'ours'

/** What the server says of itself: since its start, CPU in µs, time in ms. */
interface Mark {
  readonly requests: number
  readonly cpu: NodeJS.CpuUsage
  readonly at: number
}

/** What it did between two marks. */
export interface Round {
  /** Requests per second. */
  readonly rate: number
  /** CPU per request in µs. */
  readonly cpu: number
  /** CPU time by time: 1 is one core. */
  readonly busy: number
}

/** One framework, bare or on endless, in a process of its own. */
export class Server implements AsyncDisposable {
  readonly #child: Child
  port = 0

  constructor(framework: Framework, side: Side) {
    this.#child = new Child('throughput.js', [framework, side])
  }

  async start(): Promise<void> {
    const { port } = await this.#child.message<{ port: number }>()
    this.port = port
  }

  /** Counts at the server, so that requests, time and CPU are those of one instant. */
  async measure(duration: number): Promise<Round> {
    const from = await this.#child.ask<Mark>('mark')
    await delay(duration)
    const to = await this.#child.ask<Mark>('mark')
    const requests = to.requests - from.requests
    const time = to.at - from.at
    const cpu = to.cpu.user + to.cpu.system - from.cpu.user - from.cpu.system
    if (requests === 0) throw new Error('the server has answered nothing')
    return { rate: (requests / time) * 1000, cpu: cpu / requests, busy: cpu / 1000 / time }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child[Symbol.asyncDispose]()
  }
}
