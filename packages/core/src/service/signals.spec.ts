import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { EndlessError } from '../errors.js'
import { Generation, graceSignals, type SignalMap, silentLogger } from '../generation/index.js'
import { Signals } from './signals.js'

const all = ['SIGHUP', 'SIGUSR2', 'SIGINT', 'SIGTERM', 'SIGUSR1', 'SIGTSTP'] as const
const before = new Map(all.map((signal) => [signal, process.listenerCount(signal)]))

let generation = new Generation(undefined)
let seen: string[] = []
let undo = (): void => {}

/** Somebody else's, until the end of the test. */
function withListener(signal: NodeJS.Signals, listener: () => void): void {
  const before = undo
  process.on(signal, listener)
  undo = () => {
    before()
    process.off(signal, listener)
  }
}

/** Says what it was asked for; each action runs the pre-hooks, as the real ones do. */
function signalsOf(map?: SignalMap | false): Signals {
  const say = (_: object, message: string): void => void seen.push(message)
  const warn = (fields: object, message: string): void => {
    const { err } = fields as { err?: Error }
    seen.push(err ? `${message}: ${err.message}` : message)
  }
  const logger = { ...silentLogger, info: say, warn, error: say }
  generation.settings.merge({ logger, ...(map !== undefined && { signals: map }) })
  const signals = new Signals(generation, {
    upgrade: async (pre) => {
      seen.push('upgrade')
      await pre()
      seen.push('upgraded')
    },
    stop: async (pre) => {
      seen.push('stop')
      await pre()
      seen.push('stopped')
    },
    hammer: () => void seen.push('hammer'),
  })
  undo = () => signals.uninstall()
  signals.install()
  return signals
}

beforeEach(() => {
  generation = new Generation(undefined)
  seen = []
})

afterEach(() => {
  undo()
  expect(taken()).toEqual([])
})

/** The signals that have a handler more than at the start, each as often as it has more. */
function taken(): NodeJS.Signals[] {
  return all.flatMap((signal) =>
    Array<NodeJS.Signals>(process.listenerCount(signal) - (before.get(signal) ?? 0)).fill(signal),
  )
}

async function receive(signal: NodeJS.Signals): Promise<void> {
  process.emit(signal, signal)
  // A turn of the loop settles whatever awaits nothing but hooks.
  await new Promise(setImmediate)
}

function hookBoth(signal: NodeJS.Signals): void {
  generation.hooks.addSignal('pre', signal, (name) => void seen.push(`pre ${name}`))
  generation.hooks.addSignal('post', signal, (name) => void seen.push(`post ${name}`))
}

describe('the signals that are taken', () => {
  test("are endless' four, one handler each, released again", () => {
    const signals = signalsOf()
    signals.install()
    expect(taken()).toEqual(['SIGHUP', 'SIGUSR2', 'SIGINT', 'SIGTERM'])
    signals.uninstall()
    expect(taken()).toEqual([])
  })

  test('are those of a map, and no others; each does what the map says', async () => {
    signalsOf(graceSignals)
    expect(taken()).toEqual(['SIGUSR2', 'SIGINT', 'SIGTERM'])
    await receive('SIGUSR2')
    expect(seen.slice(1)).toEqual(['upgrade', 'upgraded'])
  })

  test.each(['SIGUSR1', 'SIGTSTP'] as const)('%s only for as long as it has a hook', (signal) => {
    signalsOf()
    expect(taken()).not.toContain(signal)
    const takeOut = ['pre' as const, 'post' as const].map((when) =>
      generation.hooks.addSignal(when, signal, () => {}),
    )
    expect(taken()).toContain(signal)
    takeOut[0]?.()
    expect(taken()).toContain(signal)
    takeOut[1]?.()
    expect(taken()).not.toContain(signal)
  })

  test('none with false, whatever has a hook', () => {
    signalsOf(false)
    hookBoth('SIGUSR1')
    hookBoth('SIGHUP')
    expect(taken()).toEqual([])
  })

  test('keep their handler when others come and go: never a moment without', () => {
    signalsOf()
    const [mine] = process.listeners('SIGHUP').slice(-1)
    generation.hooks.addSignal('pre', 'SIGUSR1', () => {})()
    generation.hooks.addSignal('pre', 'SIGHUP', () => {})()
    expect(process.listeners('SIGHUP')).toContain(mine)
  })

  test('stay released when a hook is taken out later', () => {
    const signals = signalsOf()
    const takeOut = generation.hooks.addSignal('pre', 'SIGUSR1', () => {})
    signals.uninstall()
    takeOut()
    expect(taken()).toEqual([])
  })
})

describe('what a signal does', () => {
  test('HUP upgrades between its hooks', async () => {
    signalsOf()
    hookBoth('SIGHUP')
    await receive('SIGHUP')
    expect(seen[0]).toBe('Received SIGHUP. Upgrading.')
    expect(seen.slice(1)).toEqual(['upgrade', 'pre SIGHUP', 'upgraded', 'post SIGHUP'])
  })

  test('a pre-hook that throws cancels the upgrade, and the post-hook still runs', async () => {
    signalsOf()
    generation.hooks.addSignal('pre', 'SIGHUP', () => Promise.reject(new Error('no')))
    generation.hooks.addSignal('post', 'SIGHUP', () => void seen.push('post'))
    await receive('SIGHUP')
    expect(seen).toEqual(['Received SIGHUP. Upgrading.', 'upgrade', 'post'])
  })

  test.each([
    [new EndlessError('ERR_ENDLESS_NOT_READY', 'not yet'), []],
    [new Error('a bug'), ['Upgrade failed']],
  ])('a refusal runs no hook; only what nobody logged yet is logged: %s', async (error, logged) => {
    const log = (_: object, message: string): void => void seen.push(message)
    generation.settings.merge({ logger: { ...silentLogger, error: log } })
    const stop = vi.fn()
    const signals = new Signals(generation, {
      ...{ stop, hammer: stop },
      upgrade: () => Promise.reject(error),
    })
    undo = () => signals.uninstall()
    hookBoth('SIGHUP')
    signals.install()
    await receive('SIGHUP')
    expect(seen).toEqual(logged)
    expect(stop).not.toHaveBeenCalled()
  })

  test.each(['SIGINT', 'SIGTERM'] as const)('%s stops between its hooks', async (signal) => {
    signalsOf()
    hookBoth(signal)
    await receive(signal)
    expect(seen.slice(1)).toEqual(['stop', `pre ${signal}`, 'stopped', `post ${signal}`])
  })

  test('a hook that throws does not cancel a stop', async () => {
    signalsOf()
    generation.hooks.addSignal('pre', 'SIGTERM', () => Promise.reject(new Error('no')))
    await receive('SIGTERM')
    expect(seen.slice(1)).toEqual(['stop', 'A hook of SIGTERM failed', 'stopped'])
  })

  test('USR2 is ignored, and said so, while nothing drains', async () => {
    signalsOf()
    hookBoth('SIGUSR2')
    await receive('SIGUSR2')
    expect(seen).toEqual(['Received SIGUSR2. Nothing drains: ignored.'])
  })

  test('USR2 hammers between its hooks while draining', async () => {
    signalsOf()
    hookBoth('SIGUSR2')
    generation.machine.send('shutdown')
    await receive('SIGUSR2')
    expect(seen.slice(1)).toEqual(['pre SIGUSR2', 'hammer', 'post SIGUSR2'])
  })

  test('one without an action runs its hooks, and nothing else', async () => {
    signalsOf()
    hookBoth('SIGUSR1')
    await receive('SIGUSR1')
    expect(seen).toEqual(['Received SIGUSR1.', 'pre SIGUSR1', 'post SIGUSR1'])
  })

  test('a real signal arrives', async () => {
    signalsOf()
    const post = new Promise((resolve) => generation.hooks.addSignal('post', 'SIGHUP', resolve))
    process.kill(process.pid, 'SIGHUP')
    expect(await post).toBe('SIGHUP')
  })
})

describe('others on a signal', () => {
  const received = async (signal: NodeJS.Signals): Promise<string[]> => {
    process.emit(signal, signal)
    await new Promise((resolve) => setImmediate(resolve))
    return seen
  }

  test('an upgrade by it is refused, with who they are and what to do', async () => {
    signalsOf()
    withListener('SIGHUP', function closeDatabase() {})
    withListener('SIGHUP', () => {})
    const [line = '', ...more] = await received('SIGHUP')
    expect(more).toEqual([])
    expect(line).toMatch(
      /^Received SIGHUP. Upgrade refused: .*\(closeDatabase of .*, \(\) => \{\s*\} of .*\)/,
    )
    expect(line).toContain("sharedSignals: ['SIGHUP']")
  })

  test('one that goes at its signal is seen, too', async () => {
    process.once('SIGHUP', function closeOnce() {})
    signalsOf()
    const [line] = await received('SIGHUP')
    expect(line).toMatch(/^Received SIGHUP. Upgrade refused: .*\(closeOnce\)/)
  })

  test('is no reason where it is said to be harmless, nor once they are gone', async () => {
    const signals = signalsOf()
    const reopen = (): void => {}
    process.on('SIGHUP', reopen)
    process.off('SIGHUP', reopen)
    expect(await received('SIGHUP')).toContain('upgraded')
    signals.uninstall()
    seen = []
    generation = new Generation(undefined)
    generation.settings.merge({ sharedSignals: ['SIGHUP'] })
    signalsOf()
    withListener('SIGHUP', reopen)
    expect(await received('SIGHUP')).toContain('upgraded')
  })

  test('signal-exit, old and new, does nothing beside us', async () => {
    signalsOf()
    const emitter = { count: 1 }
    withListener('SIGHUP', function listener(sig?: string) {
      const listeners = process.listeners(sig as NodeJS.Signals)
      if (listeners.length === emitter.count) throw new Error('alone')
    })
    expect(await received('SIGHUP')).toContain('upgraded')
  })

  test('are said once, by what their signal does', () => {
    const signals = signalsOf()
    signals.settleWithOthers()
    expect(seen).toEqual([])
    withListener('SIGTERM', function exitSoon() {})
    withListener('SIGHUP', function exitAtOnce() {})
    withListener('SIGUSR2', function dump() {})
    signals.settleWithOthers()
    expect(seen).toEqual([
      expect.stringMatching(/^an upgrade by SIGHUP is refused: .*\(exitAtOnce of /),
      expect.stringMatching(/^SIGTERM is handled by others as well \(exitSoon of .*\): .*onExit/),
    ])
  })

  test('close-with-grace loses the signals of an upgrade and of the hammer, and keeps its others', async () => {
    const { default: closeWithGrace } = await import('close-with-grace')
    const close = vi.fn()
    const { uninstall } = closeWithGrace(close)
    const signals = signalsOf()
    signals.settleWithOthers()
    expect(seen).toEqual([
      'SIGHUP means upgrade here: taken over from close-with-grace, which would shut down by it.',
      'SIGUSR2 means hammer here: taken over from close-with-grace, which would shut down by it.',
      expect.stringMatching(/^SIGINT is handled by others as well \(onSignal\)/),
      expect.stringMatching(/^SIGTERM is handled by others as well \(onSignal\)/),
    ])
    expect(taken()).toEqual(['SIGHUP', 'SIGUSR2', 'SIGINT', 'SIGINT', 'SIGTERM', 'SIGTERM'])
    uninstall()
    expect(close).not.toHaveBeenCalled()
  })

  test('one that comes after ready loses them as well; not where it is said to be harmless', async () => {
    const { default: closeWithGrace } = await import('close-with-grace')
    generation.settings.merge({ sharedSignals: ['SIGUSR2'] })
    signalsOf()
    generation.machine.send('ready')
    const { uninstall } = closeWithGrace(() => {})
    await Promise.resolve()
    expect(seen).toEqual([
      expect.stringMatching(/^SIGHUP means upgrade here: taken over/),
      expect.stringMatching(
        /^SIGINT is handled by others as well \(onSignal of close-with-grace\)/,
      ),
      expect.stringMatching(
        /^SIGTERM is handled by others as well \(onSignal of close-with-grace\)/,
      ),
    ])
    expect(taken().filter((one) => one === 'SIGUSR2')).toHaveLength(2)
    uninstall()
  })

  test('are named with the package or the file they come from, where they came after us', () => {
    const signals = signalsOf()
    withListener('SIGHUP', function exitAtOnce() {})
    signals.settleWithOthers()
    expect(seen[0]).toMatch(/\(exitAtOnce of \/.*\/signals\.spec\.ts\)/)
  })
})
