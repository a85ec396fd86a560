// Real load on a real service, while it is deployed twice, and once in vain.
import { within } from './deadline.js'
import { startLoads } from './loads.js'
import { Progress } from './progress.js'
import { Releases } from './releases.js'
import { deployTable, loadTable } from './report.js'
import { Service } from './service.js'
import { Story } from './story.js'
import type { Traffic } from './traffic.js'
import { problemsOf } from './verdict.js'

const patience = 15_000

const progress = new Progress()
const releases = new Releases()
process.once('exit', () => releases.remove())
const service = new Service(releases, (line) => progress.say(`  ${line}`))
process.prependOnceListener('exit', () => service.kill())
process.once('SIGINT', () => process.exit(130))
process.once('SIGTERM', () => process.exit(143))
process.once('SIGHUP', () => process.exit(129))

const story = new Story(releases, service, progress)
const errors: string[] = []
let loads: readonly Traffic[] = []

async function run(): Promise<void> {
  progress.say(`$ cd ${releases.current} && node server.js`)
  const port = await service.ready()
  loads = startLoads(port)
  progress.watch(loads)
  const died = service.ended.then(() => {
    throw new Error('the service has ended under load')
  })
  await Promise.race([story.tell(loads), died])
}

async function attempt(act: () => Promise<unknown>): Promise<void> {
  await act().catch((error) => errors.push(error instanceof Error ? error.message : `${error}`))
}

await attempt(run)
await attempt(() =>
  within(patience, 'all loads have stopped', Promise.all(loads.map((one) => one.stop()))),
)
if (errors.length === 0) await attempt(() => story.stop())
progress.end()

console.log(`\n${loadTable(loads)}\n${deployTable(story.outcome)}`)
const problems = [...errors, ...problemsOf(story.outcome, loads)]
const samples = loads.flatMap((one) => one.samples.slice(0, 3))
if (problems.length > 0) {
  console.log(['', 'Not as it should be:', ...problems, ...samples].join('\n  '))
} else {
  console.log('\nNo request was lost, and no client had to reconnect.')
}
process.exit(problems.length > 0 ? 1 : 0)
