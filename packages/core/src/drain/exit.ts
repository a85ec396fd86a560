import { setTimeout as delay } from 'node:timers/promises'
import type { Generation } from '../generation/index.js'
import { exitProcess } from '../node/index.js'

/** How long the last hooks may take, in ms: a process that was told to end has to end. */
const patience = 10_000

/** The one way out: the hooks that still run and those of `onExit`, the last answers, then the exit. */
export async function exit(generation: Generation, asked: number): Promise<void> {
  const code = asked === 0 && generation.hasCrashed ? 1 : asked
  // A second signal while the hooks run: at once means at once.
  if (generation.state === 'exited') return exitProcess(code)
  generation.machine.send('exit')
  const late = new AbortController()
  const timeout = delay(patience, undefined, { signal: late.signal }).then(
    () => generation.warn(`Hooks took longer than ${patience} ms: exiting without them.`),
    () => {},
  )
  await Promise.race([lastHooks(generation, code), timeout])
  await generation.lastAnswers()
  late.abort()
  generation.tell('endless:exit', { code })
  if (generation.sharesStop) await letOthersEnd(generation, code)
  generation.info(`Exiting with code ${code}.`)
  exitProcess(code)
}

/**
 * What others do when the last request is answered (close a database, flush a log) takes a moment, and then
 * they end the process, or nothing keeps it alive any more.
 */
async function letOthersEnd(generation: Generation, code: number): Promise<void> {
  process.exitCode ??= code
  generation.info('Stopped: the other handlers of the signal end the process.')
  await delay(patience, undefined, { ref: false })
}

async function lastHooks(generation: Generation, code: number): Promise<void> {
  await generation.hooks.settled()
  await generation.hooks
    .run('onExit', code)
    .catch((error) => generation.error('An onExit hook failed', error))
}
