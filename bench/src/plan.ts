import type { CostPlan } from './cost.js'
import type { InstructionsPlan } from './instructions.js'
import type { LatencyPlan } from './latency.js'
import type { SocketsPlan } from './sockets/index.js'
import type { ThroughputPlan } from './throughput.js'
import type { TrialPlan } from './trial.js'
import type { RatesPlan, ReloadsPlan } from './workers/index.js'

export interface Plan {
  readonly trial: TrialPlan
  readonly throughput: ThroughputPlan
  readonly proof: TrialPlan
  readonly cost: CostPlan
  readonly instructions: InstructionsPlan
  readonly latency: LatencyPlan
  readonly rates: RatesPlan
  readonly reloads: ReloadsPlan
  readonly sockets: SocketsPlan
}

/** Times in ms. */
export const full: Plan = {
  trial: { warmUp: 1_000, duration: 14_500, upgradesAt: [1_500, 5_000, 8_500, 12_000] },
  throughput: { warmUp: 400, round: 250, launches: 8 },
  proof: { warmUp: 300, duration: 8_000, upgradesAt: [500, 3_000, 5_500] },
  cost: { launches: 3, cycles: 10, runs: 100 },
  instructions: { from: 20_000, to: 60_000 },
  latency: { upgrades: 5, window: 2_500, saturate: 2_000, starts: 5 },
  rates: { launches: 2, cycles: 6, warmUp: 700, round: 400 },
  reloads: { reloads: 4, warmUp: 800, pause: 1_300 },
  sockets: { clients: 500, deploys: 4, pause: 2_500 },
}

export const quick: Plan = {
  trial: { warmUp: 300, duration: 5_000, upgradesAt: [1_300, 3_300] },
  throughput: { warmUp: 300, round: 200, launches: 1 },
  proof: { warmUp: 300, duration: 3_000, upgradesAt: [500] },
  cost: { launches: 1, cycles: 3, runs: 50 },
  instructions: { from: 500, to: 1_000 },
  latency: { upgrades: 1, window: 1_500, saturate: 500, starts: 1 },
  rates: { launches: 1, cycles: 2, warmUp: 250, round: 200 },
  reloads: { reloads: 1, warmUp: 300, pause: 700 },
  sockets: { clients: 50, deploys: 1, pause: 800 },
}
