import { between, type Random, seeded } from '../client/random.js'
import type { Manners } from './ask.js'

/** From what on an upgrade is disturbed. */
type Trigger =
  | { readonly to: 'successor'; readonly event: 'listen' }
  | { readonly to: 'successor'; readonly event: 'state' }
  /** Its nth connection: for the old one the nth that it let go. */
  | { readonly to: 'successor'; readonly event: 'connection'; readonly n: number }
  | { readonly to: 'old'; readonly event: 'left'; readonly moved: true; readonly n: number }

interface Act {
  /** In ms after the one before. */
  readonly after: number
  readonly signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'
  readonly to: 'old' | 'successor'
}

/** An upgrade, and what is done to it. */
export interface Round {
  /** Traffic before it, in ms. */
  readonly before: number
  readonly trigger: Trigger
  readonly acts: readonly Act[]
}

/** What a seed stands for. */
export interface Plan {
  readonly seed: number
  readonly clients: number
  readonly kills: boolean
  /** Whether all connections move, or those that chance chooses. */
  readonly moves: 'all' | 'some'
  readonly manners: Manners
  readonly rounds: readonly Round[]
}

const clients = 36

/** Of five seeds three kill. */
export function planOf(seed: number): Plan {
  const random = seeded(seed * 7_919)
  const kills = seed % 5 < 3
  const moves = random() < 0.7 ? 'all' : 'some'
  const resets = random() < 0.5
  // An answer that says close ends what was pipelined behind it: that is HTTP, and no loss of ours.
  const manners = { pipelines: moves === 'all', resets, closes: moves === 'some' }
  const rounds = Array.from({ length: 3 }, (_, n) => roundOf(random, kills, n))
  return { seed, clients, kills, moves, manners, rounds }
}

function roundOf(random: Random, kills: boolean, n: number): Round {
  const before = between(random, 20, 150)
  const trigger = triggerOf(random)
  // Not every upgrade of a seed is killed, so that what follows on one is seen, too.
  const acts = kills && (n === 0 || random() < 0.6) ? killing(random) : disturbing(random)
  return { before, trigger, acts }
}

function triggerOf(random: Random): Trigger {
  const kind = random()
  const n = between(random, 1, clients / 3)
  if (kind < 0.1) return { to: 'successor', event: 'listen' }
  if (kind < 0.4) return { to: 'successor', event: 'state' }
  if (kind < 0.7) return { to: 'successor', event: 'connection', n }
  return { to: 'old', event: 'left', moved: true, n }
}

function disturbing(random: Random): Act[] {
  const kind = random()
  if (kind < 0.25) return []
  return stopped(random, kind < 0.7 ? 'successor' : 'old', [])
}

/** What dies, and who is stopped meanwhile. */
function killing(random: Random): Act[] {
  const to = random() < 0.55 ? 'successor' : 'old'
  const after = random() < 0.5 ? 0 : moment(random)
  const kill: Act = { after, signal: 'SIGKILL', to }
  const kind = random()
  if (kind < 0.5) return [kill]
  return stopped(random, kind < 0.75 ? 'successor' : 'old', [kill])
}

function stopped(random: Random, to: Act['to'], meanwhile: readonly Act[]): Act[] {
  const after = moment(random)
  // Some longer than a predecessor waits for an answer; the most delicate time is when it gives up.
  const isLong = random() < (to === 'successor' && meanwhile.length > 0 ? 0.6 : 0.3)
  const ms = isLong ? between(random, 1_020, 1_400) : between(random, 1, 150)
  const late = meanwhile.map((act) => {
    if (random() < 0.3) return { ...act, after: ms }
    return isLong && random() < 0.7 ? { ...act, after: between(random, 1_000, 1_100) } : act
  })
  return [
    { after, signal: 'SIGSTOP', to },
    ...late,
    { after: late.some((act) => act.after >= Math.min(ms, 1_000)) ? 0 : ms, signal: 'SIGCONT', to },
  ]
}

/** Within what a move takes, or soon after. */
function moment(random: Random): number {
  const kind = random()
  if (kind < 0.4) return 0
  return kind < 0.75 ? between(random, 1, 6) : between(random, 7, 120)
}

export function describePlan({ seed, moves, manners, rounds }: Plan): string {
  const lines = rounds.map(({ before, trigger, acts }) => {
    const what = acts.map(({ after, signal, to }) => `+${after} ms ${signal} ${to}`)
    return `  ${before} ms, HUP; at ${JSON.stringify(trigger)}: ${what.join(', ') || 'nothing'}`
  })
  return [`seed ${seed}: ${moves} move, ${JSON.stringify(manners)}`, ...lines].join('\n')
}
