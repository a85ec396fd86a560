import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import type { ControlHandler } from './peer.js'
import { client, echo, serving } from './specs/serving.js'
import { later, Rude } from './specs/talking.js'

describe('nonsense', () => {
  test.each([
    ['no JSON', 'GET / HTTP/1.1\r\n', null],
    ['another version', '{"endless":9,"id":5,"command":"status"}\n', 5],
    ['a request without a command', '{"endless":1,"id":"a"}\n', 'a'],
    ['a megabyte', `${'x'.repeat(1_048_576)}\n`, null],
    [
      'a megabyte of a request',
      `{"endless":1,"id":1,"command":"${'x'.repeat(1_048_576)}"}\n`,
      null,
    ],
    ['bytes that are no text', '\0\xff\xfe\n', null],
  ])('%s is answered with an error, and the next request with its result', async (_, text, id) => {
    const { path } = await serving(echo)
    const peer = await Rude.connect(path)
    peer.say(text)
    expect(await peer.hear()).toMatchObject({ id, error: { code: 'ERR_ENDLESS_CONTROL' } })
    peer.ask({ id: 2, command: 'status' })
    expect(await peer.hear()).toEqual({ id: 2, result: { command: 'status' } })
  })

  test('empty lines are nothing, and half a line waits for its other half', async () => {
    const { path } = await serving(echo)
    const peer = await Rude.connect(path)
    peer.say('\n \r\n{"endless":1,"id":1,"comm')
    // Another one is answered meanwhile.
    expect(await (await client(path)).request('status')).toEqual({ command: 'status' })
    peer.say('and":"stop"}\n')
    expect(await peer.hear()).toEqual({ id: 1, result: { command: 'stop' } })
  })

  test('more requests at a time than anybody needs are refused, by their ids', async () => {
    const late = later<string>()
    const { path } = await serving(() => late.promise)
    const peer = await Rude.connect(path)
    for (let id = 1; id <= 17; id++) peer.ask({ id, command: 'reload' })
    expect(await peer.hear()).toMatchObject({ id: 17, error: { message: /16 requests/ } })
    late.resolve('done')
    expect(await peer.hear()).toEqual({ id: 1, result: 'done' })
  })
})

describe('a client that goes in the middle', () => {
  test.each<[string, (peer: Rude) => void]>([
    ['at once', (peer) => peer.socket.destroy()],
    ['in order', (peer) => peer.socket.end()],
    ['with half a line', (peer) => peer.socket.end('{"endless')],
  ])('%s: its request is aborted, others are answered', async (_, leave) => {
    const begun = later<AbortSignal>()
    const ended = later<undefined>()
    const { path } = await serving((command, _args, progress, signal) => {
      if (command === 'status') return Promise.resolve('fine')
      begun.resolve(signal)
      return new Promise((done) => {
        signal.addEventListener('abort', () => {
          // Nobody is there: it goes nowhere, and harms nobody.
          progress({ phase: 'late' })
          done('late')
          ended.resolve(undefined)
        })
      })
    })
    const peer = await Rude.connect(path)
    peer.ask({ id: 1, command: 'reload' })
    const signal = await begun.promise
    expect(signal.aborted).toBe(false)
    leave(peer)
    await ended.promise
    expect(signal.reason).toMatchObject({ code: 'ERR_ENDLESS_CONTROL' })
    expect(await (await client(path)).request('status')).toBe('fine')
  })

  test('a request that was answered before is not aborted', async () => {
    let signal: AbortSignal | undefined
    const { path } = await serving((command, _args, _progress, its) => {
      if (command === 'first') signal = its
      return Promise.resolve(command)
    })
    const peer = await Rude.connect(path)
    peer.ask({ id: 1, command: 'first' })
    await peer.hear()
    peer.socket.destroy()
    await once(peer.socket, 'close')
    await (await client(path)).request('second')
    expect(signal?.aborted).toBe(false)
  })
})

describe('a client that never reads', () => {
  /** Sends more than any socket holds. */
  const flood: ControlHandler = async (command, _args, progress) => {
    if (command === 'status') return 'fine'
    for (let n = 0; n < 20_000; n++) progress({ n, text: 'x'.repeat(1_000) })
    return 'end'
  }

  test('misses events, not its result; others are answered', async () => {
    const { path } = await serving(flood)
    const peer = await Rude.connect(path)
    peer.socket.pause()
    peer.ask({ id: 1, command: 'flood' })
    expect(await (await client(path)).request('status')).toBe('fine')
    peer.socket.resume()
    let events = 0
    for (;;) {
      const line = await peer.hear()
      if (typeof line !== 'object' || line === null || !('event' in line)) {
        expect(line).toEqual({ id: 1, result: 'end' })
        break
      }
      events++
    }
    // What the kernel and the buffer hold: of 20 MB not even one.
    expect(events).toBeGreaterThan(10)
    expect(events).toBeLessThan(1_000)
  })

  test('and asks and asks is cut off once it is owed a megabyte', async () => {
    let asked = 0
    const { path } = await serving((command) => {
      asked++
      return Promise.resolve(command === 'status' ? 'fine' : 'x'.repeat(100_000))
    })
    const peer = await Rude.connect(path)
    peer.socket.pause()
    // Not once(): EPIPE may come before.
    const closed = new Promise((done) => peer.socket.once('close', done))
    const one = await client(path)
    for (let id = 1; id <= 50; id++) {
      peer.ask({ id, command: 'more' })
      expect(await one.request('status')).toBe('fine')
    }
    // A pause hides the end: what the kernel kept comes, then the end.
    peer.socket.resume()
    await closed
    expect(asked).toBeLessThan(100)
  })
})
