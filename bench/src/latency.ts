import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type LoadOptions, load } from '@endlessjs/test/client'
import { Service } from '@endlessjs/test/service'
import pTimeout from 'p-timeout'
import { max, median, quantile } from 'simple-statistics'
import { Child, service as path } from './child.js'
import type { Framework } from './server.js'

const bin = resolve(import.meta.dirname, '../../packages/cli/bin/endless.js')
/** Beyond the plan: starting and stopping, in ms. */
const patience = 120_000

/** Times in ms. */
export interface LatencyPlan {
  readonly upgrades: number
  /** How long an upgrade is looked at, and the time before it. */
  readonly window: number
  /** How long the server is saturated, to know what half of it is. */
  readonly saturate: number
  /** Of the bare app. */
  readonly starts: number
}

/** What clients see of deploys: those at half load, or some that pipeline and never pause. */
export interface LatencyCase {
  readonly title: string
  readonly framework: Framework
  readonly clients: 'half load' | 'pipelined'
  /** Under `endless start -w 1`, and not by itself. */
  readonly isSupervised?: true
}

const frameworks: readonly Framework[] = ['http', 'koa', 'express', 'fastify']

export const latencyCases: readonly LatencyCase[] = [
  ...frameworks.map((framework) => ({
    title: `${framework}, half load`,
    framework,
    clients: 'half load' as const,
  })),
  {
    title: 'express, half load, endless start -w 1',
    framework: 'express',
    clients: 'half load',
    isSupervised: true,
  },
  {
    title: 'express, 200 connections, 4 pipelined without a pause',
    framework: 'express',
    clients: 'pipelined',
  },
]

/** Of one stretch of time, in ms. */
interface Stretch {
  readonly p999: number
  readonly max: number
}

/** Medians over the upgrades, in ms. */
export interface Latency {
  readonly title: string
  /** Requests per second. */
  readonly rate: number
  readonly failed: number
  readonly reconnects: number
  readonly steady: Stretch
  readonly over: Stretch
  /** While the same app starts without endless, beside the service. */
  readonly beside: Stretch
  /** From the signal until the successor serves, under that load. */
  readonly ready: number
  /** The start of the same app without endless, under that load as well. */
  readonly bareStart: number
}

/** Deploys under load, and the same time before each of them. */
export async function latencyOf(
  { title, framework, clients, isSupervised }: LatencyCase,
  plan: LatencyPlan,
  signal: AbortSignal,
): Promise<Latency> {
  const options = { probation: undefined, slowStart: undefined }
  const line = [path('deployed.js'), framework]
  const [script = '', ...args] = isSupervised ? [bin, 'start', ...control(), ...line] : line
  const started = Service.start({ script, args, options })
  await using service = await pTimeout(started, { milliseconds: patience, signal })
  await service.until({ event: 'listen' })
  const target = { port: service.port() }
  const thinkTime = clients === 'half load' ? await thinkTimeFor(target, plan) : 0
  const crew: Partial<LoadOptions> =
    clients === 'half load' ? { thinkTime } : { mode: 'pipelined', pipeline: 4, together: true }
  const seen: { readonly at: number; readonly latency: number }[] = []
  const traffic = load({
    ...hello(target),
    connections: clients === 'half load' ? 100 : 200,
    timeout: 10_000,
    onReply: ({ latency }) => seen.push({ at: performance.now(), latency }),
    ...crew,
  })
  const began = performance.now()
  const at: number[] = []
  const ready: number[] = []
  const bareStarts: number[] = []
  const startedAt: number[] = []
  await delay(plan.window)
  for (let n = 0; n < plan.upgrades; n++) {
    signal.throwIfAborted()
    if (n < plan.starts) {
      startedAt.push(performance.now())
      bareStarts.push(await startBare(framework))
      await delay(plan.window)
    }
    await delay(plan.window)
    at.push(performance.now())
    const old = service.current
    await service.handOver()
    ready.push(performance.now() - (at.at(-1) ?? 0))
    await delay(plan.window)
    await pTimeout(service.gone(old), { milliseconds: patience, signal })
  }
  const rate = (seen.length / (performance.now() - began)) * 1_000
  const { failed, reconnects } = await traffic.stop()
  await service.stop()
  const stretches = (shift: number, times = at): Stretch[] =>
    times.map((when) => stretchOf(seen, when + shift, plan.window))
  return {
    title,
    rate,
    failed,
    reconnects,
    steady: medianOf(stretches(-plan.window)),
    over: medianOf(stretches(0)),
    beside: medianOf(stretches(0, startedAt)),
    ready: median(ready),
    bareStart: median(bareStarts),
  }
}

/** Between two requests of each of a hundred clients, so that the server has half of what it can do. */
async function thinkTimeFor(
  target: { port: number },
  { saturate }: LatencyPlan,
): Promise<[number, number]> {
  const warm = load({ ...hello(target), connections: 50 })
  await delay(saturate)
  await warm.stop()
  const all = load({ ...hello(target), connections: 50 })
  await delay(saturate)
  const { sent } = await all.stop()
  const between = (100 / (sent / 2)) * saturate
  return [between / 2, between * 1.5]
}

/** A control socket of its own. */
function control(): string[] {
  return ['--control', join(mkdtempSync(join(tmpdir(), 'endless-')), 'a.sock')]
}

const hello = (target: { port: number }): Pick<LoadOptions, 'target' | 'method' | 'url'> => ({
  target,
  method: 'GET',
  url: '/',
})

async function startBare(framework: Framework): Promise<number> {
  const began = performance.now()
  await using child = new Child('throughput.js', [framework, 'bare'])
  await child.message()
  return performance.now() - began
}

function stretchOf(
  seen: readonly { readonly at: number; readonly latency: number }[],
  from: number,
  length: number,
): Stretch {
  const latencies = seen
    .filter(({ at }) => at >= from && at < from + length)
    .map(({ latency }) => latency)
  return latencies.length === 0
    ? { p999: 0, max: 0 }
    : { p999: quantile(latencies, 0.999), max: max(latencies) }
}

function medianOf(stretches: readonly Stretch[]): Stretch {
  return {
    p999: median(stretches.map(({ p999 }) => p999)),
    max: median(stretches.map((one) => one.max)),
  }
}
