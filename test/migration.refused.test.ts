// A successor that does not take every connection, or none any more.
import { expect, test } from 'vitest'
import { type Answer, ask, Crowd, tally } from './support/crowd.js'
import { endOf, movedAt, startMoving } from './support/moving.js'
import type { Raw } from './support/raw.js'

const clients = 200
/** Some are the successor's, as many as can be are on their way, and some are still here. */
const middle = 100

/** Asks until it is told to go: a connection that is not refused yet is told nothing. */
async function lastAnswer(raw: Raw): Promise<Answer | undefined> {
  for (;;) {
    const answer = await ask(raw)
    if (!answer || answer.close) return answer
  }
}

test('beyond its maxConnections: the others drain where they are', async () => {
  const next = { server: { maxConnections: 50 } }
  await using service = await startMoving({}, { next })
  const crowd = await Crowd.served(service.port(), clients)
  const { successor } = await service.hup()
  expect(await movedAt(service, /as many connections as it may have: the other/)).toBeLessThan(51)
  expect(tally(await crowd.ask())).toEqual({
    [`${service.pid} close`]: clients - 50,
    [`${successor}`]: 50,
  })
  expect(await endOf(service)).toEqual({ code: 0, moved: 50, drained: clients - 50, cut: 0 })
  crowd.end()
  await service.stop()
})

test('those of a listener that it has no more; the others move', async () => {
  const [a, b] = [
    [0, '127.0.0.1'],
    [0, '127.0.0.2'],
  ] as const
  await using service = await startMoving({ listen: [a, b] }, { next: { listen: [a] } })
  const crowds = [
    await Crowd.served(service.port(0), clients),
    await Crowd.served(service.port(1), clients, '127.0.0.2'),
  ] as const
  const { successor } = await service.hup()
  const last = await Promise.all(crowds[1].members.map(lastAnswer))
  expect(tally(last)).toEqual({ [`${service.pid} close`]: clients })
  expect(await endOf(service)).toEqual({ code: 0, moved: clients, drained: clients, cut: 0 })
  expect(tally(await crowds[0].ask())).toEqual({ [`${successor}`]: clients })
  crowds[0].end()
  await service.stop()
})

test.each([1, 2, 5, 20, 40, middle, clients])(
  'because it is stopped before number %d is offered: each is answered once more, by whom has it',
  async (at) => {
    await using service = await startMoving({ at, signal: 'SIGTERM' }, { next: {} })
    const crowd = await Crowd.served(service.port(), clients)
    const { successor } = await service.hup()
    await service.until({ event: 'drain', phase: 'start', pid: Number(successor) })
    const answers = await crowd.ask()
    const { [`${service.pid} close`]: here = 0, [`${successor} close`]: there = 0 } = tally(answers)
    expect(here + there, JSON.stringify(tally(answers))).toBe(clients)
    expect(await endOf(service)).toEqual({ code: 0, moved: there, drained: here, cut: 0 })
    await service.ended
    expect(service.all({ event: 'exit' }).map((one) => one.code)).toEqual([0, 0])
  },
)

test.each([
  ['its limit is near', { fds: 120 }, /as many connections as it may have: the other/],
  ['none is free', { fds: 1_000 }, /did not get a connection, as when no fd is free: the other/],
])('for lack of fds, where %s: the others drain where they are', async (_, control, why) => {
  const next = control.fds === 1_000 ? { full: true } : {}
  await using service = await startMoving(control, { next })
  const crowd = await Crowd.served(service.port(), clients)
  const { successor } = await service.hup()
  await movedAt(service, why)
  const { [`${service.pid} close`]: here = 0, [`${successor}`]: there = 0 } = tally(
    await crowd.ask(),
  )
  expect(here + there).toBe(clients)
  expect(here).toBeGreaterThan(0)
  expect(await endOf(service)).toEqual({ code: 0, moved: there, drained: here, cut: 0 })
  crowd.end()
  service.signal('SIGTERM', Number(successor))
  await service.ended
})
