// What dies or hangs in the middle of a move, and what becomes of the connections.
import { describe, expect, test } from 'vitest'
import { ask, Crowd, tally } from './support/crowd.js'
import { endOf, movedAt, startMoving } from './support/moving.js'
import { isAlive } from './support/processes.js'

/** So many connections can be on their way at once. */
const laneCount = 32

const clients = 200
/** Some are the successor's, as many as can be are on their way, and some are still here. */
const middle = 100

describe('the successor is killed', () => {
  test.each([1, 2, 20, middle, clients])(
    'before number %d is offered: who has not moved is served where it was',
    async (at) => {
      await using service = await startMoving({ at, signal: 'SIGKILL' }, { next: {} })
      const crowd = await Crowd.served(service.port(), clients)
      await service.hup()
      const { moved } = await service.until({ event: 'revived' })
      const answers = await crowd.ask()
      expect(tally(answers)).toEqual({
        [service.pid]: clients - Number(moved),
        ...(moved !== 0 && { closed: moved }),
      })
      expect(moved).toBeLessThan(at)
      // And they move to the next one.
      await service.until({ event: 'state', from: 'draining', to: 'ready', pid: service.pid })
      const next = Number((await service.hup(service.pid)).successor)
      expect(await endOf(service)).toMatchObject({
        code: 0,
        moved: clients - Number(moved),
        cut: 0,
      })
      expect(tally(await crowd.ask())).toMatchObject({ [next]: clients - Number(moved) })
      crowd.end()
      service.signal('SIGTERM', next)
      await service.ended
    },
  )

  test('on probation, with all of them: the old generation serves again', async () => {
    await using service = await startMoving({}, { options: { probation: 60_000 } })
    const crowd = await Crowd.served(service.port(), clients)
    const { successor } = await service.hup()
    await service.until({ event: 'drain', phase: 'end', moved: clients, pid: service.pid })
    expect(isAlive(service.pid)).toBe(true)
    service.signal('SIGKILL', Number(successor))
    await service.until({ event: 'revived' })
    expect(tally(await crowd.ask())).toEqual({ closed: clients })
    const again = await Crowd.served(service.port(), 10)
    expect(tally(await again.ask())).toEqual({ [service.pid]: 10 })
    again.end()
    service.signal('SIGTERM', service.pid)
    await service.ended
  })
})

describe('the successor hangs', () => {
  const control = { at: middle, signal: 'SIGSTOP' } as const

  test('before the first is offered: without a receipt none is its', async () => {
    await using service = await startMoving({ ...control, at: 1 }, { next: {} })
    const crowd = await Crowd.served(service.port(), clients)
    const next = Number((await service.hup()).successor)
    expect(await movedAt(service, /does not answer/)).toBe(0)
    expect(tally(await crowd.ask())).toEqual({ [service.pid]: clients })
    service.signal('SIGCONT', next)
    expect(await endOf(service)).toEqual({ code: 0, moved: clients, drained: 0, cut: 0 })
    expect(tally(await crowd.ask())).toEqual({ [next]: clients })
    crowd.end()
    await service.stop()
  })

  test('who has not moved is served meanwhile; when it goes on, they move', async () => {
    await using service = await startMoving(control, { next: {} })
    const crowd = await Crowd.served(service.port(), clients)
    const next = Number((await service.hup()).successor)
    const moved = await movedAt(service, /does not answer/)
    expect(moved).toBeGreaterThan(0)
    let served = 0
    const enough = new Promise<void>((resolve) => {
      for (const { socket } of crowd.members)
        socket.once('data', () => ++served === clients - moved && resolve())
    })
    const answers = crowd.ask()
    await enough
    expect(isAlive(service.pid)).toBe(true)
    service.signal('SIGCONT', next)
    expect(tally(await answers)).toEqual({ [service.pid]: clients - moved, [next]: moved })
    expect(await endOf(service)).toEqual({ code: 0, moved: clients, drained: 0, cut: 0 })
    expect(tally(await crowd.ask())).toEqual({ [next]: clients })
    crowd.end()
    await service.stop()
  })

  test('for longer than stallTimeout: the others drain where they are', async () => {
    await using service = await startMoving(control, { next: {}, options: { stallTimeout: 300 } })
    const crowd = await Crowd.served(service.port(), clients)
    const next = Number((await service.hup()).successor)
    const moved = await movedAt(service, /did not answer for 300 ms: the other/)
    const answers = crowd.ask()
    expect(await endOf(service)).toEqual({ code: 0, moved, drained: clients - moved, cut: 0 })
    service.signal('SIGCONT', next)
    const counts = { [`${service.pid} close`]: clients - moved, [next]: moved }
    expect(tally(await answers)).toEqual(counts)
    crowd.end()
    await service.stop()
  })

  test('and is killed then: who has not moved is served where it was', async () => {
    await using service = await startMoving(control, { next: {} })
    const crowd = await Crowd.served(service.port(), clients)
    const next = Number((await service.hup()).successor)
    const moved = await movedAt(service, /does not answer/)
    service.signal('SIGKILL', next)
    await service.until({ event: 'revived', moved })
    expect(tally(await crowd.ask())).toEqual({ [service.pid]: clients - moved, closed: moved })
    crowd.end()
    service.signal('SIGTERM', service.pid)
    await service.ended
  })
})

describe('the old generation is killed', () => {
  test.each([1, 2, 20, 33, middle, clients])(
    'before number %d is offered: those that were said to be theirs are served, and no other',
    async (at) => {
      await using service = await startMoving({ at, signal: 'SIGKILL', whom: 'self' }, { next: {} })
      const crowd = await Crowd.served(service.port(), clients)
      service.signal('SIGHUP')
      const { pid } = await service.until({ event: 'predecessor' })
      const { closed = 0, [String(pid)]: served = 0, ...others } = tally(await crowd.ask())
      expect([closed + served, others]).toEqual([clients, {}])
      expect(served).toBeLessThan(at)
      // Those in the lanes are still those of the old one, which has perhaps read of them.
      expect(served).toBeGreaterThanOrEqual(at - 1 - laneCount)
      expect(tally(await crowd.ask())).toEqual({ closed, ...(served > 0 && { [pid]: served }) })
      crowd.end()
      await service.stop()
    },
  )
})

test('an app that resumes its sockets in the middle of it takes no byte of one that moves', async () => {
  await using service = await startMoving({ meddle: true }, { next: {} })
  const crowd = await Crowd.served(service.port(), clients)
  let moving = true
  // Each by itself, so that somebody asks at every moment.
  const answers = Promise.all(
    crowd.members.map(async (one) => {
      let answer = await ask(one)
      while (answer && moving) answer = await ask(one)
      return answer
    }),
  )
  const { successor } = await service.hup()
  await service.exited
  moving = false
  expect(tally(await answers)).toEqual({ [String(successor)]: clients })
  expect(await endOf(service)).toEqual({ code: 0, moved: clients, drained: 0, cut: 0 })
  crowd.end()
  service.signal('SIGTERM', Number(successor))
  await service.ended
})
