/**
 * What goes from one process to the next, and how the next one is started. It may touch the
 * environment, the arguments and the IPC channel of this process, and spawns the successor. Doors:
 * whoever comes after (`successor`, started by `spawn` as the `plan` says), whoever came before
 * (`predecessor`, and those before it: `elders`), whoever started us and waits (`launcher`), who is no successor
 * (`children`), what generations say (`messages`), and what
 * they pass on (`files`, `preload`).
 */
export type { Body, Exit } from './body.js'
export { bodyOf } from './body.js'
export { hideFromChildren, hideFromForks } from './children.js'
export { type Drained, sumOf } from './drained.js'
export { describeElder, type Elder, Elders } from './elders.js'
export { Files, type Passable } from './files.js'
export type { HandedLink, HandedListener } from './handover.js'
export { type Launcher, launcher } from './launcher.js'
export type {
  Answer,
  DrainReport,
  Fact,
  Offer,
  Refusal,
  Said,
  TicketKeys,
  Verdict,
  Word,
} from './messages.js'
export { type SpawnPlan, spawnPlan } from './plan.js'
export { findPredecessor, type Predecessor } from './predecessor.js'
export { endPreload } from './preload.js'
export { type Heir, spawnHeir, startSuccessor } from './spawn.js'
export { type Ends, SpawnedSuccessor } from './spawned.js'
export type { Parcel, Successor } from './successor.js'
