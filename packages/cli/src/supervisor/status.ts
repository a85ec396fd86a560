import type { DrainStatus, ServiceStatus, WorkerStatus } from '@endlessjs/core/control'
import type { Fleet } from './fleet.js'
import type { Slot } from './slot.js'
import type { Worker } from './worker.js'

/** What `endless status` shows. */
export function statusOf(name: string, fleet: Fleet): ServiceStatus {
  return {
    name,
    pid: process.pid,
    release: fleet.release.name,
    uptime: process.uptime() * 1_000,
    state: fleet.state,
    workers: fleet.slots.map(statusOfSlot),
    totals: fleet.totals.status(fleet.living),
  }
}

function statusOfSlot({ index, current, living, crashes }: Slot): WorkerStatus {
  const draining = [...living].filter(({ state }) => state === 'draining').map(drainOf)
  const facts = { slot: index, restarts: crashes.count, draining }
  const newest = [...living].at(-1)
  const worker = current?.state === 'serving' ? current : newest
  if (!worker || worker.state === 'exited') return { ...facts, state: 'restarting' }
  const { generation, release } = worker.facts
  return {
    ...facts,
    state: worker.state,
    generation,
    pid: worker.pid,
    release: release.name,
    uptime: worker.age,
    connections: worker.beat?.connections,
    inFlight: worker.beat?.inFlight,
    rss: worker.beat?.rss,
    delay: worker.beat?.delay,
  }
}

function drainOf({ pid, facts, drain }: Worker): DrainStatus {
  return {
    pid,
    generation: facts.generation,
    age: drain?.age ?? 0,
    hammerIn: drain?.hammerIn ?? false,
    holds: drain?.holds ?? [],
  }
}
