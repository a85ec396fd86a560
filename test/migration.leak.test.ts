// What the same connection, and the processes that it goes through, are like after many upgrades.
import { expect, test } from 'vitest'
import { ask, Crowd, tally } from './support/crowd.js'
import { isLong } from './support/long.js'
import { startMoving, untilAdopted } from './support/moving.js'
import type { Raw } from './support/raw.js'

const upgrades = Number(process.env.UPGRADES ?? (isLong ? 100 : 25))
const execArgv = ['--expose-gc']

interface Leaks {
  readonly heapUsed: number
  /** File descriptors, handles, listeners, environment and arguments. */
  readonly rest: object
}

async function leaksOf(raw: Raw): Promise<Leaks> {
  const answer = await ask(raw, '/leaks')
  const { pid, rss, heapUsed, ...rest } = answer?.body ?? {}
  return { heapUsed: Number(heapUsed), rest }
}

test(`after ${upgrades} upgrades the same connection serves, and nothing has leaked`, {
  timeout: upgrades * 2_000 + 30_000,
}, async () => {
  await using service = await startMoving({}, { execArgv })
  const crowd = await Crowd.served(service.port(), 5)
  const [first] = crowd.members as [Raw]
  const found: Leaks[] = []
  for (let n = 0; n < upgrades; n++) {
    const pid = await service.upgrade()
    await service.until({ event: 'predecessor', pid })
    expect(tally(await crowd.ask())).toEqual({ [pid]: 5 })
    found.push(await leaksOf(first))
  }
  const [one, ...others] = found
  for (const { rest } of others) expect(rest).toEqual(one?.rest)
  const heaps = found.map(({ heapUsed }) => heapUsed)
  expect(heaps.at(-1)).toBeLessThan(Number(heaps[0]) * 1.1)
  crowd.end()
  await service.stop()
})

test('a generation that rises again and again leaks nothing', async () => {
  const options = { probation: 60_000 }
  await using service = await startMoving({}, { execArgv, options })
  const { pid } = service
  const [staying] = (await Crowd.served(service.port(), 1)).members as [Raw]
  await ask(staying, '/stay')
  const found: Leaks[] = []
  for (let n = 0; n < 20; n++) {
    const moving = await Crowd.served(service.port(), 5)
    const { successor } = await service.hup(pid)
    const since = service.mark()
    await untilAdopted(service, 5)
    service.signal('SIGKILL', Number(successor))
    await service.until({ event: 'state', to: 'ready', pid }, since)
    for (const raw of moving.members) await raw.closed()
    while (Number((await ask(staying, '/count'))?.body.open) > 1);
    found.push(await leaksOf(staying))
  }
  const [one, ...others] = found.slice(4)
  for (const { rest } of others) expect(rest).toEqual(one?.rest)
  const heaps = found.slice(4).map(({ heapUsed }) => heapUsed)
  expect(heaps.at(-1)).toBeLessThan(Number(heaps[0]) * 1.1)
  staying.socket.destroy()
  service.signal('SIGTERM', pid)
  await service.ended
})
