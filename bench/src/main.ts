// Side by side in one run: upgrades under load, and throughput. Gates nothing on figures.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { chartOf } from './chart.js'
import type { Contender } from './contenders/index.js'
import { type Costs, costOf } from './cost.js'
import { type Flags, help, parseFlags } from './flags.js'
import {
  type Instructions,
  instructionsCases,
  instructionsOf,
  valgrindIsMissing,
} from './instructions.js'
import { latencyOf } from './latency.js'
import { aboutThisRun, loadNow } from './machine.js'
import { full, quick } from './plan.js'
import { casesOf } from './proof.js'
import { csvOf } from './raw.js'
import { type Fault, reportOf } from './report.js'
import { type Sockets, socketsOf } from './sockets/index.js'
import { compare } from './throughput.js'
import { tryOut } from './trial.js'
import { type RatesOf, ratesOf, reloadsOf } from './workers/index.js'

const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(signal, () => stop.abort(new Error(`stopped by ${signal}`)))

const say = (line: string): void => console.error(line)

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : `${error}`)

/** Runs one after the other; what fails is noted, and the rest goes on. */
async function each<T extends { title: string }, R>(
  all: readonly T[],
  faults: Fault[],
  run: (one: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = []
  for (const one of all) {
    stop.signal.throwIfAborted()
    say(`${one.title} ...`)
    try {
      results.push(await run(one))
    } catch (error) {
      stop.signal.throwIfAborted()
      const reason = messageOf(error)
      faults.push({ title: one.title, reason })
      say(`  could not be run: ${reason}`)
    }
  }
  return results
}

/** Those that can be had on this machine. */
async function muster(
  asked: readonly Contender[],
  leftOut: Fault[],
  faults: Fault[],
): Promise<Contender[]> {
  const found: Contender[] = []
  for (const contender of asked) {
    const { title } = contender
    try {
      const reason = await contender.missing?.()
      if (reason === undefined) found.push(contender)
      else leftOut.push({ title, reason })
    } catch (error) {
      faults.push({ title, reason: messageOf(error) })
    }
  }
  return found
}

async function bench({ pairs, out, ...flags }: Flags): Promise<boolean> {
  const plan = flags.quick ? quick : full
  const about = aboutThisRun(flags.quick)
  const before = loadNow()
  const faults: Fault[] = []
  const leftOut: Fault[] = []
  const costs = await each<{ title: string }, Costs>(
    flags.cost ? [{ title: 'cost of a request' }] : [],
    faults,
    () => costOf(plan.cost, stop.signal),
  )
  const noValgrind = flags.cost ? await valgrindIsMissing() : undefined
  if (noValgrind) leftOut.push({ title: 'instructions per request', reason: noValgrind })
  const instructions = await each(
    flags.cost && !noValgrind ? instructionsCases : [],
    faults,
    (one): Promise<Instructions> => instructionsOf(one, plan.instructions, stop.signal),
  )
  const latencies = await each(flags.latencies, faults, (one) =>
    latencyOf(one, plan.latency, stop.signal),
  )
  const rates = await each(flags.rates, faults, async (one): Promise<RatesOf> => {
    const found = await ratesOf(one, plan.rates, stop.signal)
    for (const { title, ratio } of found) say(`  ${title}: ${ratio.median.toFixed(3)}`)
    return { app: one.title, rates: found }
  })
  const reloads = await each(flags.reloads, faults, async (one) => {
    const found = await reloadsOf(one, plan.reloads, stop.signal)
    const { sent, failed, reconnects } = found.totals
    say(`  ${sent} requests, ${failed} failed, ${reconnects} reconnects`)
    return found
  })
  const sockets = await each(flags.sockets, faults, async (one): Promise<Sockets> => {
    const found = await socketsOf(one, plan.sockets, stop.signal)
    say(`  ${found.seen.closed} closed, ${found.seen.lost} messages lost`)
    return found
  })
  const isPart =
    flags.cost || flags.sockets.length > 0 || flags.latencies.length > 0 || flags.rates.length > 0
  const isFull = !flags.proof && !isPart
  const asked = flags.contenders.filter(({ inProof }) => isFull || (flags.proof && inProof))
  const contenders = await muster(asked, leftOut, faults)
  for (const { title, reason } of leftOut) say(`${title} is left out: ${reason}`)
  const cases = flags.proof ? casesOf(contenders) : []
  const evidence = await each(cases, faults, async (one) => {
    const found = await one.run(plan.proof, stop.signal)
    say(`  ${found.totals.failed} failed, ${found.totals.reconnects} forced reconnects`)
    return found
  })
  const trials = await each(isFull ? contenders : [], faults, async (contender) => {
    const trial = await tryOut(contender, plan.trial, stop.signal)
    const { sent, failed, reconnects, samples } = trial.totals
    say(`  ${sent} requests, ${failed} failed, ${reconnects} forced reconnects`)
    for (const sample of samples.slice(0, 3)) say(`  ${sample}`)
    return trial
  })
  const comparisons = await each(isFull ? pairs : [], faults, async (pair) => {
    const comparison = await compare(pair, plan.throughput, stop.signal)
    say(`  ${comparison.rate.ratio.median.toFixed(3)} of the requests per second`)
    return comparison
  })
  about.push(`Load average over a minute: ${before} before, ${loadNow()} after`)
  const report = reportOf({
    about,
    leftOut,
    costs,
    instructions,
    latencies,
    evidence,
    trials,
    comparisons,
    rates,
    reloads,
    sockets,
    faults,
  })
  console.log(report)
  mkdirSync(out, { recursive: true })
  writeFileSync(join(out, 'latest.md'), report)
  rmSync(join(out, 'latest.svg'), { force: true })
  rmSync(join(out, 'latest.csv'), { force: true })
  if (trials.length > 0) {
    writeFileSync(join(out, 'latest.svg'), await chartOf(trials))
    writeFileSync(join(out, 'latest.csv'), csvOf(trials))
  }
  say(`Written to ${out}`)
  return faults.length === 0 && (leftOut.length === 0 || !flags.isNamed)
}

function flagsOrExit(): Flags {
  try {
    return parseFlags(process.argv.slice(2))
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exit(2)
  }
}

const flags = flagsOrExit()
if (flags.help) {
  console.log(help)
  process.exit()
}
try {
  process.exitCode = (await bench(flags)) ? 0 : 1
} catch (error) {
  console.error(stop.signal.aborted ? stop.signal.reason.message : error)
  process.exitCode = stop.signal.aborted ? 130 : 1
}
// Whatever a contender left behind: a timer, a socket.
process.exit()
