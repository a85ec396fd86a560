// Real load on a real service, while it is deployed twice, and once in vain; with `--workers 2` under a
// supervisor.
import { parseArgs } from 'node:util'
import { ByReload } from './byreload.js'
import { BySignal } from './bysignal.js'
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

const { workers } = parseArgs({ options: { workers: { type: 'string' } } }).values
if (workers !== undefined && !/^[1-9]\d?$/.test(workers)) {
  console.error(`--workers: expected a number of workers (1 to 99), got ${workers}`)
  process.exit(2)
}
const count = workers === undefined ? undefined : Number(workers)

const progress = new Progress()
const releases = new Releases()
process.once('exit', () => releases.remove())
const service = new Service(releases, count, (line) => progress.say(`  ${line}`))
process.prependOnceListener('exit', () => service.kill())
process.once('SIGINT', () => process.exit(130))
process.once('SIGTERM', () => process.exit(143))
process.once('SIGHUP', () => process.exit(129))

const operator =
  count === undefined ? new BySignal(service, progress) : new ByReload(service, progress)
const story = new Story(releases, service, operator, progress)
const errors: string[] = []
let loads: readonly Traffic[] = []

async function run(): Promise<void> {
  const command = count === undefined ? 'node' : `npx endless start -w ${count}`
  progress.say(`$ cd ${releases.current} && ${command} server.js`)
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
