import { readdirSync } from 'node:fs'
import { expect } from 'vitest'
import { Crowd, type Tongue } from './crowd.js'
import type { Moving } from './moving.js'
import { isAlive } from './processes.js'
import { fixture, Service, type StartOptions, within } from './service.js'
import { type ClientOptions, WebSocketClient } from './websockets.js'

/** What fixtures/faults.js does to a service whose WebSockets move, see there. */
export type Carrying = Pick<Moving, 'at' | 'signal' | 'whom' | 'fds' | 'full'> & {
  readonly when?: 'offered' | 'frozen' | 'gone' | 'came'
  readonly block?: number
}

/** Half of the clients are deflated; each is told something twice a second. */
const common = { deflate: { threshold: 0 }, every: 500 }

/**
 * @param next what the generations after the first one do, by default nothing
 * @param moving options of moveWebSockets
 */
export async function startCarrying(
  control: Carrying = {},
  {
    next = {},
    moving = { within: 30_000 },
    ...more
  }: Partial<StartOptions> & { readonly next?: Carrying; readonly moving?: object } = {},
): Promise<Service> {
  const service = await Service.start({
    script: fixture('websockets.js'),
    control: { ...common, ...control },
    env: { MOVING: JSON.stringify({ over: 0, ...moving }) },
    ...more,
  })
  service.control({ ...common, ...next })
  return service
}

/** How a client is, and what it is called: that is its path. */
export type Kind = ClientOptions & { readonly name?: string }

/** WebSockets, each with a count of its own that every answer has to fit; half of them are deflated. */
export async function gather(
  service: Service,
  count: number,
  kindOf: (n: number) => Kind = () => ({}),
): Promise<Crowd<WebSocketClient>> {
  const tongue: Tongue<WebSocketClient> = {
    open: (n) => {
      const { name = 'n', ...options } = kindOf(n)
      const all = { deflate: n % 2 === 0, ...options }
      return WebSocketClient.connect(service.port(), `${name}${n}`, all)
    },
    ask: async (one) => {
      const what = `an answer to ${one.socket.url}`
      const pid = await within(one.ask(), what, () => service.transcript())
      return pid === undefined ? undefined : { pid, close: false, body: {} }
    },
    end: (one) => one.end(),
  }
  const crowd = await Crowd.speaking(tongue, count)
  // Twice: a count of one is nothing to lose.
  await crowd.ask()
  await crowd.ask()
  return crowd
}

/** With which codes they were closed, and how many were not. */
export function codesOf({ members }: Crowd<WebSocketClient>): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { closed } of members) {
    const key = closed ? `${closed.code}` : 'open'
    counts[key] = (counts[key] ?? 0) + 1
  }
  return counts
}

/** What any of them heard that it should not have. Being closed is none, by whatever the kernel says of it. */
export function faultsOf({ members }: Crowd<WebSocketClient>): string[] {
  return members.flatMap(({ faults, closed, socket }) =>
    faults
      .filter((fault) => !closed || !/ECONNRESET|EPIPE/.test(fault))
      .map((fault) => `${socket.url}: ${fault}`),
  )
}

/** Which living processes say that they have the client of that name; all of them came there or connected there. */
export async function expectOneOwner(
  service: Service,
  { members }: Crowd<WebSocketClient>,
): Promise<void> {
  const open = members.filter(({ closed }) => !closed).map(({ socket }) => pathOf(socket.url))
  const owners = (name: string): number[] => {
    const has = new Set([service.pid])
    for (const one of service.events.filter((event) => event.name === name)) {
      if (one.event === 'came') has.add(one.pid)
      if (one.event === 'gone' || one.event === 'left') has.delete(one.pid)
    }
    return [...has].filter(isAlive)
  }
  const wrong = (): string[] =>
    open.filter((name) => owners(name).length !== 1).map((name) => `${name}: ${owners(name)}`)
  await expect.poll(wrong, { timeout: 10_000 }).toEqual([])
}

const pathOf = (url: string): string => new URL(url).pathname

/** How many files a process has open. */
export function fdsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length
}

/** What became of the WebSockets of the process that drained since the mark, once it has exited. */
export async function fateOf(service: Service, pid: number, since = 0): Promise<object> {
  const end = await service.until({ event: 'drain', phase: 'end', pid }, since)
  const { code } = await service.until({ event: 'exit', pid })
  await service.gone(pid)
  const { moved, drained, cut, told } = end
  return { code, moved, drained, cut, told }
}
