import type { Fleet, FleetState } from './fleet.js'

const words: Readonly<Record<FleetState, string>> = {
  starting: 'Starting',
  serving: 'Serving',
  reloading: 'Reloading',
  ending: 'Stopping',
}

/** How a fleet is, in one line without what changes all the time: `systemctl status` shows it. */
export function summaryOf(fleet: Fleet): string {
  const { state, slots, living, release } = fleet
  const serving = slots.filter(({ current }) => current?.state === 'serving')
  const generation = Math.max(0, ...living.map(({ facts }) => facts.generation))
  if (state === 'ending') {
    const inFlight = living.reduce((sum, { beat }) => sum + (beat?.inFlight ?? 0), 0)
    return `Stopping: ${living.length} workers left, ${inFlight} requests in flight`
  }
  const draining = living
    .filter((worker) => worker.state === 'draining')
    .map(
      ({ pid, drain }) =>
        `pid ${pid}${drain?.holds.length ? ` held by ${drain.holds.join(', ')}` : ''}`,
    )
  const drains = draining.length > 0 ? `; draining: ${draining.join(', ')}` : ''
  return (
    `${words[state]}: ${serving.length} of ${slots.length} workers, generation ${generation}, ` +
    `release ${release.name}${drains}`
  )
}
