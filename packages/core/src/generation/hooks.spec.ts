import { describe, expect, test, vi } from 'vitest'
import { EndlessError } from '../errors.js'
import { callHook, Hooks } from './hooks.js'

const address = { address: '::', family: 'IPv6', port: 80 }

function thrownBy(act: () => Promise<void>): Promise<unknown> {
  return act().then(
    () => undefined,
    (error: unknown) => error,
  )
}

describe('a row of hooks', () => {
  test('runs in the order of registration, each awaited before the next', async () => {
    const hooks = new Hooks()
    const seen: string[] = []
    let open = (): void => {}
    const gate = new Promise<void>((resolve) => {
      open = resolve
    })
    hooks.add('beforeReady', async () => {
      seen.push('first begins')
      await gate
      seen.push('first ends')
    })
    hooks.add('beforeReady', () => void seen.push('second'))
    const run = hooks.run('beforeReady').then(() => seen.push('done'))
    await new Promise(setImmediate)
    expect(seen).toEqual(['first begins'])
    open()
    await run
    expect(seen).toEqual(['first begins', 'first ends', 'second', 'done'])
  })

  test('gets the arguments of its name, and no other row runs', async () => {
    const hooks = new Hooks()
    const [begin, ready] = [vi.fn(), vi.fn()]
    hooks.add('beforeBegin', begin)
    hooks.add('beforeReady', ready)
    await hooks.run('beforeBegin', address)
    expect(begin.mock.calls).toEqual([[address]])
    expect(ready).not.toHaveBeenCalled()
  })

  test('ends with the hook that fails: ERR_ENDLESS_HOOK with the cause', async () => {
    const hooks = new Hooks()
    const after = vi.fn()
    hooks.add('beforeReady', () => Promise.reject(new Error('boom')))
    hooks.add('beforeReady', after)
    const error = await thrownBy(() => hooks.run('beforeReady'))
    expect(error).toBeInstanceOf(EndlessError)
    expect(error).toMatchObject({
      code: 'ERR_ENDLESS_HOOK',
      message: 'hook beforeReady threw: boom',
      cause: new Error('boom'),
    })
    expect(after).not.toHaveBeenCalled()
  })

  test('may be changed by its own hooks: the change holds from the next run on', async () => {
    const hooks = new Hooks()
    const late = vi.fn()
    const undo = hooks.add('onRevive', () => {
      undo()
      hooks.add('onRevive', late)
    })
    const last = vi.fn()
    hooks.add('onRevive', last)
    await hooks.run('onRevive')
    expect([late.mock.calls.length, last.mock.calls.length]).toEqual([0, 1])
    await hooks.run('onRevive')
    expect([late.mock.calls.length, last.mock.calls.length]).toEqual([1, 2])
  })
})

describe('taking a hook out', () => {
  test('leaves the others', async () => {
    const hooks = new Hooks()
    const [one, two] = [vi.fn(), vi.fn()]
    const undo = hooks.add('onDrain', one)
    hooks.add('onDrain', two)
    undo()
    undo()
    expect(hooks.has('onDrain')).toBe(true)
    await hooks.run('onDrain', 'upgraded')
    expect(one).not.toHaveBeenCalled()
    expect(two.mock.calls).toEqual([['upgraded']])
  })

  test('that is there twice takes out one at a time', async () => {
    const hooks = new Hooks()
    const hook = vi.fn()
    const [undoFirst, undoSecond] = [hooks.add('onExit', hook), hooks.add('onExit', hook)]
    await hooks.run('onExit', 0)
    expect(hook).toHaveBeenCalledTimes(2)
    undoSecond()
    undoSecond()
    await hooks.run('onExit', 0)
    expect(hook).toHaveBeenCalledTimes(3)
    undoFirst()
    expect(hooks.has('onExit')).toBe(false)
  })

  test('clear takes them all', async () => {
    const hooks = new Hooks()
    const hook = vi.fn()
    const undo = hooks.add('onExit', hook)
    hooks.addSignal('pre', 'SIGHUP', hook)
    hooks.clear()
    undo()
    await hooks.run('onExit', 0)
    await hooks.runSignal('pre', 'SIGHUP')
    expect(hook).not.toHaveBeenCalled()
    expect(hooks.signals()).toEqual([])
  })
})

describe('hooks of signals', () => {
  test('are told apart by when and by signal', async () => {
    const hooks = new Hooks()
    const hook = vi.fn()
    hooks.addSignal('pre', 'SIGHUP', hook)
    await hooks.runSignal('post', 'SIGHUP')
    await hooks.runSignal('pre', 'SIGTERM')
    expect(hook).not.toHaveBeenCalled()
    await hooks.runSignal('pre', 'SIGHUP')
    expect(hook.mock.calls).toEqual([['SIGHUP']])
  })

  test('name their signals once, until the last one is gone, and tell of each change', () => {
    const hooks = new Hooks()
    hooks.changed = vi.fn()
    const undos = (['pre', 'post'] as const).map((when) =>
      hooks.addSignal(when, 'SIGUSR1', vi.fn()),
    )
    hooks.add('onDrain', () => {})
    expect(hooks.signals()).toEqual(['SIGUSR1'])
    expect(hooks.changed).toHaveBeenCalledTimes(2)
    for (const undo of undos) undo()
    expect(hooks.signals()).toEqual([])
    expect(hooks.changed).toHaveBeenCalledTimes(4)
  })
})

describe('hooks of options', () => {
  test('are all registered, a list in its order', async () => {
    const hooks = new Hooks()
    const seen: string[] = []
    const say = (word: string) => () => void seen.push(word)
    hooks.addAll({
      beforeReady: say('beforeReady'),
      onExit: say('onExit'),
      hammerTime: 5,
      hooks: { pre: { SIGHUP: [say('a'), say('b')] }, post: { SIGHUP: say('c') } },
    })
    await hooks.run('beforeReady')
    await hooks.runSignal('pre', 'SIGHUP')
    await hooks.runSignal('post', 'SIGHUP')
    await hooks.run('onExit', 0)
    expect(seen).toEqual(['beforeReady', 'a', 'b', 'c', 'onExit'])
  })

  test('that are skipped are not', () => {
    const hooks = new Hooks()
    hooks.addAll({ beforeBegin: () => {}, onExit: () => {} }, ['beforeBegin'])
    expect([hooks.has('beforeBegin'), hooks.has('onExit')]).toEqual([false, true])
  })
})

test.each(['text', undefined, 7, null])('a hook may throw %s', async (cause) => {
  const throwing = (): never => {
    throw cause
  }
  expect(await thrownBy(() => callHook('mine', throwing, []))).toMatchObject({
    code: 'ERR_ENDLESS_HOOK',
    message: `hook mine threw: ${String(cause)}`,
    cause,
  })
})

test('settled() waits for hooks of signals alone, and minds no failure', async () => {
  const hooks = new Hooks()
  let end = (): void => {}
  hooks.add('onDrain', () => new Promise(() => {}))
  hooks.addSignal('pre', 'SIGHUP', () => new Promise((resolve) => (end = resolve)))
  hooks.addSignal('post', 'SIGHUP', () => Promise.reject(new Error('boom')))
  void hooks.run('onDrain', 'shutdown')
  await expect(hooks.settled()).resolves.toBeUndefined()
  const runs = [hooks.runSignal('pre', 'SIGHUP'), hooks.runSignal('post', 'SIGHUP')]
  const settled = vi.fn()
  const wait = hooks.settled().then(settled)
  expect((await Promise.allSettled(runs.slice(1)))[0]?.status).toBe('rejected')
  expect(settled).not.toHaveBeenCalled()
  end()
  await Promise.all([wait, runs[0]])
})
