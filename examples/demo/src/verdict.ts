import { type Version, versions } from './releases.js'
import type { Outcome } from './story.js'
import { type Kept, kinds, type Traffic } from './traffic.js'

/** Everything that is not as it should be, one line each. */
export function problemsOf(outcome: Outcome, loads: readonly Traffic[]): string[] {
  const served = versions.filter(
    (version) => version === 'v1' || outcome.deploys.some((deploy) => deploy.version === version),
  )
  return [...faultsOf(outcome), ...loads.flatMap((load) => lossesOf(load, served))]
}

function lossesOf(
  { name, answers, failures, kept }: Traffic,
  served: readonly Version[],
): string[] {
  const failed = kinds.filter((kind) => failures[kind] > 0)
  const idle = served.filter((version) => answers.of(version) === 0)
  return [
    ...failed.map((kind) => `${name}: ${failures[kind]} failed (${kind})`),
    ...(kept ? reconnectsOf(name, kept) : []),
    ...idle.map((version) => `${name}: ${version} has answered nothing`),
    ...(answers.of('v4') > 0 ? [`${name}: v4 has answered ${answers.of('v4')} requests`] : []),
  ]
}

function reconnectsOf(name: string, { clients, opened, reconnects }: Kept): string[] {
  if (opened === clients && reconnects === 0) return []
  const forced = `${reconnects} times a client was forced to reconnect`
  return [`${name}: ${forced}, ${clients} clients opened ${opened} connections`]
}

function faultsOf({ deploys, rollback, exitCode }: Outcome): string[] {
  const problems: string[] = []
  for (const version of ['v2', 'v3']) {
    const deploy = deploys.find((one) => one.version === version)
    if (!deploy) problems.push(`${version} was not deployed`)
    else if (deploy.exitCode !== 0)
      problems.push(`${version}: the process before it exited with code ${deploy.exitCode}`)
    else if (deploy.requests === 0)
      problems.push(`${version}: no request was under way when it took over, nothing is shown`)
  }
  if (!rollback) problems.push('v4 was not rolled back')
  else if (!rollback.isAsBefore) problems.push('v4: other processes serve than before')
  if (exitCode === undefined) problems.push('the service was not stopped in order')
  else if (exitCode !== 0) problems.push(`the service exited with code ${exitCode}`)
  return problems
}
