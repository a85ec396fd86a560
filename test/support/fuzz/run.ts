import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fixture, Service } from '../service.js'
import { judge } from './judge.js'
import { describePlan, type Plan, planOf, type Round } from './plan.js'
import { Traffic } from './traffic.js'

/** What a seed came to, in numbers. */
export interface Outcome {
  readonly answers: number
  readonly connections: number
  readonly lost: number
  readonly moved: number
}

/** One seed, from the start of a service to the end of its last process; throws what is wrong. */
export async function fuzz(seed: number): Promise<Outcome> {
  const plan = planOf(seed)
  try {
    return await run(plan)
  } catch (cause) {
    const again = `SEEDS=${seed} npx vitest run test/fuzz.test.ts`
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new Error(`${describePlan(plan)}\nrun it again: ${again}\n${why}`, { cause })
  }
}

async function run(plan: Plan): Promise<Outcome> {
  await using service = await Service.start({
    script: fixture('fuzz.js'),
    options: { probation: 60_000, hammerTime: 20_000 },
    ...(plan.moves === 'some' && { env: { MOVES: String(plan.seed) } }),
  })
  const traffic = new Traffic(service.port(), plan.clients, plan.seed, plan.manners)
  const killed = new Map<number, number>()
  for (const round of plan.rounds) await play(service, round, killed)
  await traffic.stop()
  await service.stop()
  const { events } = service
  const { wires } = traffic
  const wrong = judge({ plan, wires, events, killed })
  if (wrong.length > 0) throw new Error([...wrong, '', transcriptOf(service)].join('\n'))
  return {
    answers: wires.reduce((sum, { answers }) => sum + answers.length, 0),
    connections: wires.length,
    lost: wires.filter(({ fate }) => fate === 'lost').length,
    moved: events.filter((one) => one.event === 'left' && one.moved === true).length,
  }
}

/** One upgrade, until all of it has come to something. */
async function play(service: Service, round: Round, killed: Map<number, number>): Promise<void> {
  await pause(round.before)
  const old = service.current
  const [born] = service.all({ event: 'listen', pid: old })
  if (Number(born?.generation) > 0) await service.until({ event: 'predecessor', pid: old })
  const since = service.mark()
  service.signal('SIGHUP', old)
  const { pid: successor } = await service.until({ event: 'listen' }, since)
  const { trigger, acts } = round
  const { to, ...event } = trigger
  await service.until({ ...event, pid: to === 'old' ? old : successor }, since)
  const victims = new Set<number>()
  for (const { after, signal, to } of acts) {
    if (after > 0) await pause(after)
    const pid = to === 'old' ? old : successor
    if (victims.has(pid)) continue
    if (signal === 'SIGKILL') {
      victims.add(pid)
      killed.set(pid, Date.now())
    }
    service.signal(signal, pid)
  }
  if (victims.has(successor)) {
    await service.until({ event: 'state', to: 'ready', pid: old }, since)
  } else if (victims.has(old)) {
    await service.until({ event: 'state', to: 'ready', pid: successor })
    await service.gone(old)
  } else {
    await service.until({ event: 'drain', phase: 'end', pid: old }, since)
    // It has proved itself.
    service.signal('SIGTERM', old)
    await service.gone(old)
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** All of it in a file of its own where TRANSCRIPT names a directory: it is long. */
function transcriptOf(service: Service): string {
  const { TRANSCRIPT } = process.env
  if (!TRANSCRIPT) return service.stderr
  const file = join(TRANSCRIPT, `${service.pid}.txt`)
  writeFileSync(file, service.transcript())
  return `${service.stderr}\n${file}`
}
