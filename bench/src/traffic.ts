import {
  type Failure,
  type Load,
  type LoadOptions,
  load,
  type Reply,
  type Report,
} from '@endlessjs/test/client'
import type { Timeline } from './timeline.js'

/** Clients of one kind. */
export type Crew = Pick<LoadOptions, 'connections' | 'mode' | 'thinkTime'>

/** A few that never pause, as a proxy's connections, and many that do, as browsers. */
const mixed: readonly Crew[] = [
  { connections: 4, thinkTime: 0 },
  { connections: 96, thinkTime: [50, 800] },
]

/** Of all requests. */
export interface Totals {
  readonly sent: number
  readonly failed: number
  readonly failures: Readonly<Partial<Record<Failure, number>>>
  /** Connections that clients had to open because their last one was gone. */
  readonly reconnects: number
  /** The first failures, one line each. */
  readonly samples: readonly string[]
}

/** The strict clients of our tests: one connection each, and never a second try. */
export class Traffic implements AsyncDisposable {
  readonly #loads: readonly Load[]

  /** Starts at once. */
  constructor(port: number, timeline: Timeline, crews: readonly Crew[] = mixed) {
    this.#loads = crews.map((crew) =>
      load({
        ...crew,
        target: { port },
        url: '/echo',
        timeout: 5_000,
        check: echoes,
        onReply: ({ headers, latency }, failure) => {
          if (!failure) timeline.answered(headers['x-pid'] ?? 'unknown', latency)
        },
        onFailure: (kind) => timeline.failed(kind),
      }),
    )
  }

  /** Starts no further request, and waits for those under way. */
  async stop(): Promise<Totals> {
    return sumOf(await Promise.all(this.#loads.map((one) => one.stop())))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}

function echoes({ id, body }: Reply): string | undefined {
  const echo = JSON.parse(body.toString()) as { id?: unknown }
  return echo.id === id ? undefined : `${body} answers another request than ${id}`
}

function sumOf(reports: readonly Report[]): Totals {
  const failures: Partial<Record<Failure, number>> = {}
  for (const report of reports)
    for (const [kind, count] of Object.entries(report.failures) as [Failure, number][])
      if (count > 0) failures[kind] = (failures[kind] ?? 0) + count
  const sum = (what: (report: Report) => number): number =>
    reports.reduce((total, report) => total + what(report), 0)
  return {
    sent: sum(({ sent }) => sent),
    failed: sum(({ failed }) => failed),
    failures,
    reconnects: sum(({ reconnects }) => reconnects),
    samples: reports.flatMap(({ samples }) => samples),
  }
}
