import { EventEmitter } from 'node:events'
import { describe, expect, test, vi } from 'vitest'
import type { InsideServer } from './internals.js'
import { strangenessOf } from './understands.js'

type Loaded = { readonly WebSocketServer: new (options: object) => InsideServer }

const load = async (name: string): Promise<Loaded> => (await import(name)) as Loaded

describe.each(['ws-8-0', 'ws-8-15', 'ws-8-17', 'ws-8-18', 'ws'])('%s', (name) => {
  test('is understood', async () => {
    const { WebSocketServer } = await load(name)
    expect(strangenessOf(new WebSocketServer({ noServer: true }))).toBeUndefined()
  })
})

test('a ws that keeps its receiver elsewhere is not, and it is looked at once', async () => {
  const { WebSocketServer } = await load('ws')
  const upgrade = vi.fn()
  class Strange extends WebSocketServer {
    override handleUpgrade(
      ...[request, socket, head, call]: Parameters<InsideServer['handleUpgrade']>
    ): void {
      upgrade()
      super.handleUpgrade(request, socket, head, (one) => {
        Object.defineProperty(one, '_receiver', { value: undefined })
        call(one)
      })
    }
  }
  const servers = [new Strange({ noServer: true }), new Strange({ noServer: true })]
  expect(servers.map(strangenessOf)).toEqual(
    Array(2).fill(expect.stringMatching(/^it threw TypeError/)),
  )
  expect(upgrade).toHaveBeenCalledTimes(1)
})

test.each<[string, (socket: object) => void, RegExp]>([
  [
    'says that it is at nothing while it is',
    (socket) =>
      Object.defineProperty(Reflect.get(socket, '_receiver'), '_state', {
        get: () => 0,
        set: () => {},
      }),
    /it is still at|did not parse/,
  ],
  [
    'has another way to decompress',
    (socket) =>
      Object.assign(
        (Reflect.get(socket, '_extensions') as Record<string, object>)['permessage-deflate'] ?? {},
        {
          decompress: undefined,
        },
      ),
    /another permessage-deflate/,
  ],
])('a ws that %s is not', async (_, change, why) => {
  const { WebSocketServer } = await load('ws')
  class Strange extends WebSocketServer {
    override handleUpgrade(
      ...[request, socket, head, call]: Parameters<InsideServer['handleUpgrade']>
    ): void {
      super.handleUpgrade(request, socket, head, (one) => {
        change(one)
        call(one)
      })
    }
  }
  expect(strangenessOf(new Strange({ noServer: true }))).toMatch(why)
})

test('what does not shake hands is not', () => {
  class Deaf extends EventEmitter {
    handleUpgrade(): void {}
  }
  expect(strangenessOf(new Deaf())).toBe('it did not accept a handshake')
})
