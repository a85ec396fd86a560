import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { EndlessError } from '../errors.js'
import { ControlClient } from './client.js'
import { unknownCommand } from './commands.js'
import { ControlServer } from './server.js'
import { client, echo, serving } from './specs/serving.js'
import { later, place, Rude } from './specs/talking.js'

describe('a request', () => {
  test('gets its events in order, then one result', async () => {
    const { path } = await serving(async (command, args, progress) => {
      progress({ phase: 'spawned', pid: 7 })
      await Promise.resolve()
      progress({ phase: 'ready' })
      return { command, args }
    })
    const events: object[] = []
    const asking = (await client(path)).request('reload', { wait: true }, (event) => {
      events.push(event)
    })
    expect(await asking).toEqual({ command: 'reload', args: { wait: true } })
    expect(events).toEqual([{ phase: 'spawned', pid: 7 }, { phase: 'ready' }])
  })

  test('gets null where there is nothing to say', async () => {
    const { path } = await serving(() => Promise.resolve(undefined))
    expect(await (await client(path)).request('stop')).toBeNull()
  })

  test('is answered by itself: a later one need not wait', async () => {
    const late = later<string>()
    const { path } = await serving((command) =>
      command === 'slow' ? late.promise : Promise.resolve('fast'),
    )
    const one = await client(path)
    const slow = one.request('slow')
    expect(await one.request('fast')).toBe('fast')
    late.resolve('slow')
    expect(await slow).toBe('slow')
  })

  test('that is over is over: no event comes after', async () => {
    let told: (event: object) => void = () => {}
    const { path } = await serving((_, __, progress) => {
      told = progress
      return Promise.resolve('done')
    })
    const peer = await Rude.connect(path)
    peer.ask({ id: 1, command: 'reload' })
    expect(await peer.hear()).toEqual({ id: 1, result: 'done' })
    told({ phase: 'late' })
    peer.ask({ id: 2, command: 'reload' })
    expect(await peer.hear()).toEqual({ id: 2, result: 'done' })
  })
})

describe('an error', () => {
  test.each([
    [
      new EndlessError('ERR_ENDLESS_PROBATION', 'two\nlines'),
      'ERR_ENDLESS_PROBATION',
      'two\nlines',
    ],
    [
      unknownCommand('dance', ['reload', 'stop']),
      'ERR_ENDLESS_CONTROL',
      /reload, stop, got "dance"/,
    ],
    [new TypeError('oops'), 'ERR_ENDLESS_CONTROL', 'oops'],
    ['text', 'ERR_ENDLESS_CONTROL', 'text'],
  ])('%s comes with its code and its message', async (thrown, code, message) => {
    const { path } = await serving(() => Promise.reject(thrown))
    const error: unknown = await (await client(path)).request('reload').catch((e: unknown) => e)
    expect(error).toBeInstanceOf(EndlessError)
    expect(error).toMatchObject({
      code,
      message: message instanceof RegExp ? expect.stringMatching(message) : message,
    })
  })

  test('of a handler that throws at once, or answers what is no JSON', async () => {
    const { path } = await serving((command) => {
      if (command === 'throw') throw new Error('at once')
      return Promise.resolve({ big: 1n })
    })
    const one = await client(path)
    await expect(one.request('throw')).rejects.toThrow('at once')
    await expect(one.request('big')).rejects.toThrow(/BigInt/)
  })
})

describe('close', () => {
  test('answers what still runs with an error, and aborts it', async () => {
    const begun = later<AbortSignal>()
    const { path, server } = await serving((_, __, ___, signal) => {
      begun.resolve(signal)
      return new Promise(() => {})
    })
    const asking = (await client(path)).request('reload')
    const signal = await begun.promise
    const closing = server.close()
    await expect(asking).rejects.toThrow('the service has closed its control socket')
    expect(signal.aborted).toBe(true)
    await closing
    await expect(ControlClient.connect(path)).rejects.toMatchObject({
      code: 'ERR_ENDLESS_NO_SERVICE',
    })
  })

  test('lets an answer that was given get there first', async () => {
    const text = 'x'.repeat(3_000_000)
    const { path, server } = await serving(() => Promise.resolve(text))
    const peer = await Rude.connect(path)
    peer.ask({ id: 1, command: 'stop' })
    // The first bytes of it are here, the rest does not fit into the socket.
    await once(peer.socket, 'readable')
    const closing = server.close()
    expect(await peer.hear()).toEqual({ id: 1, result: text })
    await closing
  })

  test('waits for no client that does not read', async () => {
    const { path, server } = await serving((command) =>
      Promise.resolve(command === 'status' ? 'fine' : 'x'.repeat(3_000_000)),
    )
    const peer = await Rude.connect(path)
    peer.socket.pause()
    peer.ask({ id: 1, command: 'more' })
    expect(await (await client(path)).request('status')).toBe('fine')
    await server.close()
  })

  test('is done twice without harm, and before there was anything', async () => {
    const { server } = await serving(echo)
    await Promise.all([server.close(), server.close()])
    await new ControlServer(echo).close()
  })
})

describe('attach', () => {
  test('to a server of an owner who lets clients half close: such a client is gone all the same', async () => {
    const path = join(place(), 'a.sock')
    const owner = createServer({ allowHalfOpen: true }).listen(path)
    onTestFinished(() => void owner.close())
    await once(owner, 'listening')
    const begun = later<AbortSignal>()
    const server = new ControlServer((_, __, ___, signal) => {
      begun.resolve(signal)
      return new Promise(() => {})
    }).attach(owner)
    onTestFinished(() => server.close())
    const peer = await Rude.connect(path)
    peer.ask({ id: 1, command: 'reload' })
    const signal = await begun.promise
    peer.socket.end()
    if (!signal.aborted) await once(signal, 'abort')
  })

  test('answers at the server of somebody else, and leaves it to its owner', async () => {
    const path = join(place(), 'a.sock')
    const owner = createServer().listen(path)
    onTestFinished(() => void owner.close())
    await once(owner, 'listening')
    const first = new ControlServer(() => Promise.resolve('first')).attach(owner)
    expect(await (await client(path)).request('status')).toBe('first')
    await first.close()
    expect(owner.listening).toBe(true)
    const second = new ControlServer(() => Promise.resolve('second')).attach(owner)
    expect(await (await client(path)).request('status')).toBe('second')
    await second.close()
  })
})
