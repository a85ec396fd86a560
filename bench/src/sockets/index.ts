import { setTimeout as delay } from 'node:timers/promises'
import { Service } from '@endlessjs/test/service'
import pTimeout from 'p-timeout'
import { median, quantile } from 'simple-statistics'
import { service as path } from '../child.js'
import { Pm2 } from '../contenders/pm2.js'
import { none, tableOf } from '../markdown.js'
import { nothing, type Seen, SocketClient } from './client.js'
import { Probe } from './probe.js'

/** Times in ms. */
export interface SocketsPlan {
  readonly clients: number
  readonly deploys: number
  readonly pause: number
}

/** Who deploys a server that has WebSockets. */
interface Deployed extends AsyncDisposable {
  start(): Promise<number>
  upgrade(): Promise<unknown>
}

class Ours implements Deployed {
  readonly #how: string
  #service: Service | undefined

  constructor(how: string) {
    this.#how = how
  }

  async start(): Promise<number> {
    const options = { probation: undefined, slowStart: undefined }
    this.#service = await Service.start({ script: path('sockets.js'), args: [this.#how], options })
    return this.#service.port()
  }

  async upgrade(): Promise<unknown> {
    return this.#service?.handOver()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#service?.[Symbol.asyncDispose]()
  }
}

export interface SocketsCase {
  readonly title: string
  readonly deployed: () => Deployed
}

export const socketsCases: readonly SocketsCase[] = [
  { title: 'endless, moveWebSockets', deployed: () => new Ours('moves') },
  { title: 'endless, restartWebSockets', deployed: () => new Ours('told') },
  {
    title: 'pm2 reload, one instance',
    deployed: () => new Pm2({ script: path('sockets.js'), args: [], instances: 1 }),
  },
]

/** What WebSocket clients see of deploys. Times in ms. */
export interface Sockets {
  readonly title: string
  readonly clients: number
  readonly deploys: number
  readonly seen: Seen
  /** From the signal, or the start of the command, until each was answered by the new process: the median. */
  readonly back: number
  readonly steady: readonly number[]
  readonly over: readonly number[]
  /** Of one client that never pauses: how long nobody served it, at each deploy. */
  readonly gaps: readonly number[]
}

const patience = 60_000

export async function socketsOf(
  { title, deployed }: SocketsCase,
  { clients: count, deploys, pause }: SocketsPlan,
  signal: AbortSignal,
): Promise<Sockets> {
  await using one = deployed()
  const port = await pTimeout(one.start(), { milliseconds: patience, signal })
  const seen = nothing()
  const clients = Array.from({ length: count }, (_, n) => new SocketClient(port, n % 2 === 0, seen))
  for (const client of clients) await client.open()
  const probe = new Probe(port)
  probe.open()
  const back: number[] = []
  const deployedAt: number[] = []
  try {
    for (let n = 0; n < deploys; n++) {
      await delay(pause, undefined, { signal })
      const pids = new Set(clients.map(({ pid }) => pid))
      const at = performance.now()
      deployedAt.push(at)
      const upgraded = one.upgrade()
      while (clients.some(({ pid }) => pids.has(pid))) {
        if (performance.now() - at > patience) throw new Error('not all came back')
        await delay(10, undefined, { signal })
      }
      back.push(performance.now() - at)
      await upgraded
      await delay(pause, undefined, { signal })
    }
  } finally {
    for (const client of [...clients, probe]) client.end()
  }
  const isWithin = (at: number, from: number): boolean =>
    deployedAt.some((when) => at >= when + from && at < when + from + pause)
  const echoesOf = (from: number): number[] =>
    seen.echoes.filter(({ at }) => isWithin(at, from)).map(({ ms }) => ms)
  return {
    title,
    clients: count,
    deploys,
    seen,
    back: median(back),
    steady: echoesOf(-pause),
    over: echoesOf(0),
    gaps: probe.gaps,
  }
}

export function socketsTable(all: readonly Sockets[]): string {
  const at = (echoes: readonly number[], part: number): string =>
    echoes.length === 0 ? none : quantile([...echoes], part).toFixed(1)
  return tableOf(
    [
      '',
      'closed',
      'messages lost',
      'pushes missed',
      'state lost',
      'all back, s',
      'echo p99 steady',
      'over deploys',
      'served by nobody, at most',
    ],
    all.map(({ title, seen, back, steady, over, gaps }) => [
      title,
      ...[seen.closed, seen.lost, seen.missed, seen.forgotten].map(String),
      (back / 1_000).toFixed(1),
      at(steady, 0.99),
      at(over, 0.99),
      at(gaps, 1),
    ]),
  )
}
