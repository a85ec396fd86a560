import { type Channel, closeChannels, openChannel } from '../node/index.js'
import { type Drained, sumOf } from './drained.js'
import type { HandedElder } from './handover.js'
import type { DrainReport } from './messages.js'

/** A generation before this one that still drains. */
export interface Elder {
  readonly pid: number
  readonly generation: number
  /** What it said last; undefined where it has said nothing yet. */
  readonly drain: DrainReport | undefined
}

interface Known extends Omit<HandedElder, 'report'> {
  readonly channel: Channel
  report: DrainReport | undefined
  heardAt: number
}

/**
 * The generations before this one that may still drain, the predecessor last. Each has one end of a pipe
 * and says by it who holds it; the other end goes from generation to generation, and the newest one reads
 * it. Whether one lives, the pipe tells.
 */
export class Elders {
  /** Settles when they have all gone. */
  readonly gone: Promise<void>
  #nobodyIsLeft: () => void = () => {}
  #handed: readonly HandedElder[]
  #known: Known[] = []
  #past: Drained

  /** @param past what became of the connections of those that have gone before */
  constructor(handed: readonly HandedElder[] = [], past: Drained = sumOf([])) {
    this.#handed = handed
    this.#past = past
    this.gone = new Promise((resolve) => {
      this.#nobodyIsLeft = resolve
    })
  }

  /** This generation is the newest: from here on they report to it. */
  listen(): void {
    for (const elder of this.#handed) {
      const channel = openChannel(elder.fd)
      if (!channel) continue
      const known: Known = { ...elder, channel, report: elder.report, heardAt: performance.now() }
      this.#known.push(known)
      channel.unref()
      channel.listen((report) => {
        known.report = report as DrainReport
        known.heardAt = performance.now()
      })
      void channel.closed.then(() => {
        this.#known = this.#known.filter((one) => one !== known)
        this.#past = sumOf([this.#past, known.report?.counts])
        if (this.#known.length === 0) this.#nobodyIsLeft()
      })
    }
    this.#handed = []
  }

  /** That one has gone: its channel was the first to know. */
  hasGone(pid: number): void {
    for (const known of this.#known) if (known.pid === pid) known.channel.close()
    if (this.#handed.length + this.#known.length === 0) this.#nobodyIsLeft()
  }

  /** Of all there were, whether they live or not. */
  get pids(): number[] {
    return [...this.#handed, ...this.#known].map(({ pid }) => pid)
  }

  /** Oldest first. */
  get living(): Elder[] {
    return this.#known
      .filter(({ channel }) => channel.isOpen)
      .map(({ pid, generation, report, heardAt }) => ({
        pid,
        generation,
        drain: report && aged(report, performance.now() - heardAt),
      }))
  }

  /** What became of the connections of those that have gone: of each, as far as it could say. */
  get past(): Drained {
    return this.#past
  }

  /** The same, and of those that live, so far. */
  get counts(): Drained {
    return sumOf([this.#past, ...this.#known.map(({ report }) => report?.counts)])
  }

  /** What goes to the successor. */
  parcel(): HandedElder[] {
    return this.#known.flatMap(({ pid, generation, channel, report }) =>
      channel.isOpen ? { pid, generation, fd: channel.fd, ...(report && { report }) } : [],
    )
  }

  /** A successor reads from here on. */
  pause(): void {
    for (const { channel } of this.#known) channel.pause()
  }

  /** The successor is gone, and this generation the newest again. */
  resume(): void {
    for (const { channel } of this.#known) channel.resume()
  }

  uninstall(): void {
    closeChannels(this.#handed.map(({ fd }) => fd))
    this.#handed = []
    for (const { channel } of this.#known) channel.close()
  }
}

function aged({ age, hammerIn, ...rest }: DrainReport, ms: number): DrainReport {
  return {
    ...rest,
    age: age + ms,
    hammerIn: hammerIn === false ? false : Math.max(0, hammerIn - ms),
  }
}

/** One of them in an error: who holds it, and for how long at most. */
export function describeElder({ pid, generation, drain }: Elder): string {
  if (!drain) return `pid ${pid}, generation ${generation}`
  const holds = drain.holds.length > 0 ? `held by ${drain.holds.join(', ')}` : 'on probation'
  const end =
    drain.hammerIn === false ? 'no hammer' : `hammer in ${Math.ceil(drain.hammerIn / 1_000)} s`
  return `pid ${pid}, generation ${generation}, ${holds}, ${end}`
}
