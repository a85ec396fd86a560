import type { Status } from '../api.js'
import type { Kind } from '../connections/index.js'
import type { Ending } from '../drain/index.js'
import type { Generation } from '../generation/index.js'
import type { Listeners } from '../listeners/index.js'

/** A snapshot of a generation; plain data, ready for JSON. */
export function statusOf(
  generation: Generation,
  listeners: Listeners,
  successor: number | undefined,
  ending: Ending | undefined,
): Status {
  const kinds = generation.connections.kinds()
  const connections: Record<Kind, number> & { total: number } = {
    total: kinds.size,
    active: 0,
    idle: 0,
    silent: 0,
    partial: 0,
    upgraded: 0,
  }
  for (const kind of kinds.values()) connections[kind]++
  const now = performance.now()
  const { predecessor } = generation
  return {
    pid: process.pid,
    generation: generation.number,
    state: generation.state,
    uptime: process.uptime() * 1_000,
    predecessor: predecessor?.alive ? predecessor.handover.predecessor : undefined,
    successor,
    listeners: listeners.all.map(({ name, address, origin }) => ({ name, address, origin })),
    connections,
    requests: [...kinds.keys()].flatMap(({ exchanges }) =>
      exchanges.map(({ method, url, startedAt }) => ({ method, url, age: now - startedAt })),
    ),
    adopted: generation.connections.adopted,
    drain: ending && {
      reason: ending.reason,
      age: ending.age,
      hammerIn: ending.hammerIn,
      ...ending.counts,
      told: generation.told,
    },
    draining: generation.elders.living,
    totals: {
      upgrades: { succeeded: generation.number, failed: generation.failedUpgrades },
      connections: generation.elders.counts,
    },
  }
}
