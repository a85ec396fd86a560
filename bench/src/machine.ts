import { availableParallelism, cpus, loadavg, release } from 'node:os'

/** What the figures depend on, one line each. */
export function aboutThisRun(quick: boolean): string[] {
  const model = cpus()[0]?.model.trim() ?? 'unknown CPU'
  return [
    new Date().toISOString(),
    `Node ${process.version}, ${process.platform} ${release()}`,
    `${model}, ${availableParallelism()} cores, clients and servers on the same ones`,
    ...(quick ? ['`--quick`: too short for figures to quote'] : []),
  ]
}

/** How many processes wanted to run, over the last minute: of ours and of others. */
export function loadNow(): string {
  return (loadavg()[0] ?? 0).toFixed(2)
}
