import { beforeAll, beforeEach, type RunnerTask } from 'vitest'

/** What cannot hold of a worker that is one of a fleet, and why. What holds instead, test/fleet.*.test.ts has. */
const leftOut: ReadonlyMap<string, string> = new Map([
  [
    'the pid file names who serves, and is gone at the end',
    'it names the supervisor, whose pid stays, however many workers serve',
  ],
  [
    'the hammer signal is ignored while nothing drains',
    'another worker may drain: the signal is for the fleet, and the supervisor says that nothing does',
  ],
])

/** In a block: skips in it what cannot hold under `endless start`. */
export function leavesOutOfAFleet(): void {
  beforeEach(({ task, skip }) => {
    const why = leftOut.get(task.name)
    if (why !== undefined) skip(why)
  })
}

/** In the block of the whole contract: fails where a test that is left out has another name by now. */
export function leavesOutNothingElse(): void {
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads from the pattern that no fixture is wanted.
  beforeAll(({}, suite) => {
    const names = new Set(namesIn(suite.tasks))
    const stale = [...leftOut.keys()].filter((name) => !names.has(name))
    if (stale.length > 0) throw new Error(`left out, but there are no such tests: ${stale}`)
  })
}

function namesIn(tasks: readonly RunnerTask[]): string[] {
  return tasks.flatMap((task) => (task.type === 'suite' ? namesIn(task.tasks) : [task.name]))
}
