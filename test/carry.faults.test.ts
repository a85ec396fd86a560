// What dies or hangs while connections move that have state, and what becomes of them: the table of
// migration.faults.test.ts, with WebSockets.
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import {
  type Carrying,
  codesOf,
  expectOneOwner,
  fateOf,
  faultsOf,
  fdsOf,
  gather,
  startCarrying,
} from './support/carrying.js'
import { type Crowd, tally } from './support/crowd.js'
import { isLong } from './support/long.js'
import { movedAt } from './support/moving.js'
import { isAlive } from './support/processes.js'
import type { Service } from './support/service.js'
import type { WebSocketClient } from './support/websockets.js'

type Sockets = Crowd<WebSocketClient>

/** So many connections can be on their way at once. */
const laneCount = 32

const clients = 200
/** Some are the successor's, as many as can be are on their way, and some are still here. */
const middle = 100
/** A successor that is silent for so long does not get those that are on their way, in ms; twice that and more. */
const tooLong = 3_000

/** Those that are there, by who has them or how they were closed. */
const counts = (them: Readonly<Record<string, number>>): object =>
  Object.fromEntries(Object.entries(them).filter(([, count]) => count > 0))

/** Each goes on with its state, in one process, and has heard nothing that it should not have; others are closed. */
async function expectServed(
  service: Service,
  crowd: Sockets,
  them: Readonly<Record<string, number>>,
): Promise<void> {
  expect(tally(await crowd.ask())).toEqual(counts(them))
  expect(faultsOf(crowd)).toEqual([])
  await expectOneOwner(service, crowd)
}

async function endAll(service: Service, crowd: Sockets, pid: number): Promise<void> {
  crowd.end()
  service.signal('SIGTERM', pid)
  await service.ended
  // Whoever was not killed.
  const exits = service.all({ event: 'exit' }).map(({ code }) => code)
  expect(new Set(exits)).toEqual(new Set([0]))
}

/** All that is left of them move on to another generation. */
async function expectNext(
  service: Service,
  crowd: Sockets,
  from: number,
  left: number,
): Promise<void> {
  const since = service.mark()
  const next = Number((await service.hup(from)).successor)
  const fate = { code: 0, moved: left, drained: 0, cut: 0, told: 0 }
  expect(await fateOf(service, from, since)).toEqual(fate)
  await expectServed(service, crowd, { [next]: left, closed: clients - left })
  await endAll(service, crowd, next)
}

/** Settles when so many have their answers. */
function untilSome(answers: readonly Promise<unknown>[], count: number): Promise<void> {
  let left = count
  return new Promise((resolve) => {
    if (left === 0) resolve()
    for (const answer of answers) void answer.then(() => --left === 0 && resolve())
  })
}

/** All of them by `npm run test:long`; with each change those that are kept. */
function rows<Row>(all: readonly Row[], isKept: (row: Row) => boolean): Row[] {
  return all.filter((row) => isLong || isKept(row))
}

const isFrozen = ({ when }: { readonly when: string }): boolean => when === 'frozen'

/** The middle of each step, and both ends of the first. */
const steps = rows(
  (['offered', 'frozen', 'gone'] as const).flatMap((when) =>
    [1, 2, 20, middle, clients].map((at) => ({ when, at })),
  ),
  ({ when, at }) => at === middle || (when === 'offered' && at !== 2 && at !== 20),
)

describe('the successor is killed', () => {
  test.each(steps)(
    'when number $at is $when: who has not moved goes on with its state',
    async ({ when, at }) => {
      // The last ones are its before anybody knows that it is dead.
      const options = { probation: at === clients ? 2_000 : 0 }
      await using service = await startCarrying({ when, at, signal: 'SIGKILL' }, { options })
      const crowd = await gather(service, clients)
      const files = fdsOf(service.pid)
      await service.hup()
      const moved = Number((await service.until({ event: 'revived', told: 0 })).moved)
      if (when === 'offered') expect(moved).toBeLessThan(at)
      if (when === 'gone') expect(moved).toBeGreaterThanOrEqual(at)
      const left = clients - moved
      await expectServed(service, crowd, { [service.pid]: left, closed: moved })
      expect(codesOf(crowd)).toEqual(counts({ open: left, 1006: moved }))
      expect(service.all({ event: 'gone' })).toHaveLength(moved)
      await service.until({ event: 'state', from: 'draining', to: 'ready', pid: service.pid })
      await expect.poll(() => fdsOf(service.pid)).toBe(files - moved)
      await expectNext(service, crowd, service.pid, left)
    },
  )

  test.each([20, middle])(
    'when number %d is offered, with clients that talk all the time: nothing is lost of who stays',
    async (at) => {
      await using service = await startCarrying({ at, signal: 'SIGKILL' })
      const crowd = await gather(service, clients, (n) => ({
        pause: (said) => 50 + ((n * 7 + said * 31) % 200),
        ms: () => (n % 4 === 0 ? 30 : 0),
      }))
      for (const one of crowd.members) one.talk()
      await service.hup()
      const moved = Number((await service.until({ event: 'revived' })).moved)
      await service.until({ event: 'state', from: 'draining', to: 'ready', pid: service.pid })
      const since = service.mark()
      const next = Number((await service.hup(service.pid)).successor)
      const fate = { code: 0, moved: clients - moved, drained: 0, cut: 0, told: 0 }
      expect(await fateOf(service, service.pid, since)).toEqual(fate)
      await Promise.all(crowd.members.map((one) => one.pause()))
      await expectServed(service, crowd, { [next]: clients - moved, closed: moved })
      expect(codesOf(crowd)).toEqual(counts({ open: clients - moved, 1006: moved }))
      await endAll(service, crowd, next)
    },
  )

  test('while half of them are in a handler of a second: who is in one gets its answer', async () => {
    await using service = await startCarrying({ at: 20, signal: 'SIGKILL' })
    const crowd = await gather(service, clients)
    const slow = crowd.members.filter((_, n) => n % 2 === 1)
    for (const one of slow) one.send('{"n":1,"ms":1000}', { fin: true })
    await service.hup()
    const moved = Number((await service.until({ event: 'revived' })).moved)
    await expectServed(service, crowd, { [service.pid]: clients - moved, closed: moved })
    await service.until({ event: 'state', from: 'draining', to: 'ready', pid: service.pid })
    // Once more, with all of them alive to the end: those in a handler move when it is done.
    for (const one of slow) if (!one.closed) one.send('{"n":1,"ms":1000}', { fin: true })
    await expectNext(service, crowd, service.pid, clients - moved)
  })

  test('when what is said of them is half in the kernel: none of those is its', async () => {
    const control = { at: 1, when: 'frozen', signal: 'SIGSTOP' } as const
    await using service = await startCarrying(control)
    const crowd = await gather(service, clients, () => ({ name: 'bulky' }))
    const next = Number((await service.hup()).successor)
    const answers = crowd.members.map((one) => one.ask())
    expect(await movedAt(service, /does not answer/)).toBe(0)
    // Those whose states are on their way stand still; all the others do not.
    await untilSome(answers, clients - laneCount)
    service.signal('SIGKILL', next)
    await service.until({ event: 'revived', moved: 0 })
    expect(new Set(await Promise.all(answers))).toEqual(new Set([service.pid]))
    await expectServed(service, crowd, { [service.pid]: clients })
    await service.until({ event: 'state', from: 'draining', to: 'ready', pid: service.pid })
    await expectNext(service, crowd, service.pid, clients)
  })
})

describe('the successor hangs', () => {
  test.each(
    rows<Carrying & { readonly at: number }>(
      [
        { at: 1, when: 'offered' },
        { at: middle, when: 'offered' },
        { at: 1, when: 'frozen' },
        { at: middle, when: 'frozen' },
        { at: middle, when: 'gone' },
      ],
      ({ at, when }) => (at === 1) === (when === 'offered') && when !== 'gone',
    ),
  )(
    'when number $at is $when: who has not moved is served, and moves when it goes on',
    async (control) => {
      await using service = await startCarrying({ ...control, signal: 'SIGSTOP' })
      const crowd = await gather(service, clients)
      const files = fdsOf(service.pid)
      const next = Number((await service.hup()).successor)
      const moved = await movedAt(service, /does not answer/)
      expect(isAlive(service.pid)).toBe(true)
      const answers = crowd.members.map((one) => one.ask())
      await untilSome(answers, clients - moved)
      service.signal('SIGCONT', next)
      const by = (await Promise.all(answers)).filter((pid) => pid === next)
      expect(by).toHaveLength(moved)
      const fate = { code: 0, moved: clients, drained: 0, cut: 0, told: 0 }
      expect(await fateOf(service, service.pid)).toEqual(fate)
      await expectServed(service, crowd, { [next]: clients })
      // Also of those that were taken back meanwhile.
      await expect.poll(() => fdsOf(next)).toBe(files)
      await expectNext(service, crowd, next, clients)
    },
  )

  test('when what is said of them is half in the kernel: they stand still, and go when it goes on', async () => {
    const control = { at: 1, when: 'frozen', signal: 'SIGSTOP' } as const
    await using service = await startCarrying(control)
    const crowd = await gather(service, clients, () => ({ name: 'bulky' }))
    const next = Number((await service.hup()).successor)
    const answers = crowd.members.map((one) => one.ask())
    await movedAt(service, /does not answer/)
    await untilSome(answers, clients - laneCount)
    service.signal('SIGCONT', next)
    const fate = { code: 0, moved: clients, drained: 0, cut: 0, told: 0 }
    expect(await fateOf(service, service.pid)).toEqual(fate)
    expect(await Promise.all(answers)).toContain(next)
    await expectServed(service, crowd, { [next]: clients })
    await endAll(service, crowd, next)
  })

  test('for longer than they have time, with some half in the kernel: who stands still is not told', async () => {
    const control = { at: 1, when: 'frozen', signal: 'SIGSTOP' } as const
    await using service = await startCarrying(control, { moving: { within: 2_000 } })
    const crowd = await gather(service, clients, () => ({ name: 'bulky' }))
    const next = Number((await service.hup()).successor)
    await movedAt(service, /does not answer/)
    const open = (): number => crowd.members.filter(({ closed }) => !closed).length
    await expect.poll(open, { timeout: 10_000 }).toBeLessThanOrEqual(laneCount)
    const stuck = open()
    expect(stuck).toBeGreaterThan(0)
    service.signal('SIGCONT', next)
    const told = clients - stuck
    const fate = { code: 0, moved: stuck, drained: told, cut: 0, told }
    expect(await fateOf(service, service.pid)).toEqual(fate)
    await expectServed(service, crowd, { [next]: stuck, closed: told })
    expect(codesOf(crowd)).toEqual({ 1012: told, open: stuck })
    await endAll(service, crowd, next)
  })

  test.each(rows([{ when: 'offered' }, { when: 'frozen' }] as const, isFrozen))(
    'for longer than stallTimeout, when number 100 is $when: the others are told to come back',
    async ({ when }) => {
      const options = { stallTimeout: 300 }
      await using service = await startCarrying(
        { at: middle, when, signal: 'SIGSTOP' },
        { options, moving: { within: 2_000 } },
      )
      const crowd = await gather(service, clients)
      const next = Number((await service.hup()).successor)
      const moved = await movedAt(service, /did not answer for 300 ms: the other/)
      const left = clients - moved
      const fate = { code: 0, moved, drained: left, cut: 0, told: left }
      expect(await fateOf(service, service.pid)).toEqual(fate)
      await service.untilStderr(RegExp(`${left} WebSockets told to come back`))
      service.signal('SIGCONT', next)
      await expectServed(service, crowd, { [next]: moved, closed: left })
      expect(codesOf(crowd)).toEqual({ 1012: left, open: moved })
      await endAll(service, crowd, next)
    },
  )

  test.each(rows([{ when: 'offered' }, { when: 'frozen' }, { when: 'gone' }] as const, isFrozen))(
    'and is killed then, when number 100 was $when: who has not moved goes on with its state',
    async ({ when }) => {
      await using service = await startCarrying({ at: middle, when, signal: 'SIGSTOP' })
      const crowd = await gather(service, clients)
      const next = Number((await service.hup()).successor)
      const moved = await movedAt(service, /does not answer/)
      service.signal('SIGKILL', next)
      await service.until({ event: 'revived', moved })
      await expectServed(service, crowd, { [service.pid]: clients - moved, closed: moved })
      expect(codesOf(crowd)).toEqual({ open: clients - moved, 1006: moved })
      await service.until({ event: 'state', from: 'draining', to: 'ready', pid: service.pid })
      await expectNext(service, crowd, service.pid, clients - moved)
    },
  )
})

describe('the old generation is killed', () => {
  test.each(steps)(
    'when number $at is $when: those that were said to be theirs are served, and no other',
    async ({ when, at }) => {
      const control = { when, at, signal: 'SIGKILL', whom: 'self' } as const
      await using service = await startCarrying(control)
      const crowd = await gather(service, clients)
      service.signal('SIGHUP')
      const pid = Number((await service.until({ event: 'predecessor' })).pid)
      const { [pid]: moved = 0 } = tally(await crowd.ask())
      // Those in the lanes are still those of the old one, which has perhaps read of them; and so are those that were
      // taken in that very turn, if the word that they go, with their states, was not with the kernel yet.
      const undecided = when === 'gone' ? 0 : 1 + 2 * laneCount
      expect(moved).toBeGreaterThanOrEqual(Math.max(0, at - undecided))
      if (when !== 'gone') expect(moved).toBeLessThan(at)
      await expectServed(service, crowd, { [pid]: moved, closed: clients - moved })
      expect(codesOf(crowd)).toEqual(counts({ open: moved, 1006: clients - moved }))
      expect(service.all({ event: 'came' })).toHaveLength(moved)
      await expectNext(service, crowd, pid, moved)
    },
  )
})

describe('for three seconds', () => {
  test.each(rows([{ when: 'offered' }, { when: 'frozen' }, { when: 'gone' }] as const, isFrozen))(
    'the old generation is stopped, when number 100 is $when: all move with their state',
    async ({ when }) => {
      const control = { at: middle, when, signal: 'SIGSTOP', whom: 'self' } as const
      await using service = await startCarrying(control)
      const crowd = await gather(service, clients)
      service.signal('SIGHUP')
      await service.until({ event: 'struck' })
      const answers = crowd.ask()
      await delay(tooLong)
      service.signal('SIGCONT', service.pid)
      expect(await answers).not.toContain(undefined)
      const fate = { code: 0, moved: clients, drained: 0, cut: 0, told: 0 }
      expect(await fateOf(service, service.pid)).toEqual(fate)
      await expectServed(service, crowd, { [service.current]: clients })
      await endAll(service, crowd, service.current)
    },
  )

  test.each(
    rows<readonly [string, Carrying, Carrying]>(
      [
        ['the old generation', { at: middle, block: tooLong }, {}],
        [
          'the old generation, with some frozen,',
          { at: middle, when: 'frozen', block: tooLong },
          {},
        ],
        ['the successor', {}, { at: middle, when: 'came', block: tooLong }],
        ['the successor, from the first on,', {}, { at: 1, when: 'came', block: tooLong }],
      ],
      ([, control, next]) => control.when === 'frozen' || next.at === middle,
    ),
  )('%s comes to nothing else: all move with their state', async (_, control, next) => {
    await using service = await startCarrying(control, { next })
    const crowd = await gather(service, clients)
    service.signal('SIGHUP')
    await service.until({ event: 'struck' })
    expect(await crowd.ask()).not.toContain(undefined)
    const fate = { code: 0, moved: clients, drained: 0, cut: 0, told: 0 }
    expect(await fateOf(service, service.pid)).toEqual(fate)
    await expectServed(service, crowd, { [service.current]: clients })
    await endAll(service, crowd, service.current)
  })
})

describe('a third of them has a state', () => {
  const spoilt = Math.ceil(clients / 3)

  test.each([
    ['that throws', 'bad', /no state/],
    ['that is too large', 'big', /expected at most 1048576 bytes of JSON/],
  ])('%s: they are told to come back, and the others move with theirs', async (_, name, why) => {
    await using service = await startCarrying({}, { moving: { within: 3_000 } })
    const crowd = await gather(service, clients, (n) => (n % 3 === 0 ? { name } : {}))
    const next = Number((await service.hup()).successor)
    const left = clients - spoilt
    const fate = { code: 0, moved: left, drained: spoilt, cut: 0, told: spoilt }
    expect(await fateOf(service, service.pid)).toEqual(fate)
    await service.untilStderr(why)
    await expectServed(service, crowd, { [next]: left, closed: spoilt })
    expect(codesOf(crowd)).toEqual({ open: left, 1012: spoilt })
    expect(crowd.members.filter(({ closed }) => closed).map(({ socket }) => socket.url)).toEqual(
      crowd.members.filter((_, n) => n % 3 === 0).map(({ socket }) => socket.url),
    )
    await endAll(service, crowd, next)
  })

  test('that throws, and the successor is killed: they go on, and are told at the next upgrade', async () => {
    const control = { at: middle, when: 'frozen', signal: 'SIGKILL' } as const
    await using service = await startCarrying(control, { moving: { within: 3_000 } })
    const crowd = await gather(service, clients, (n) => (n % 3 === 0 ? { name: 'bad' } : {}))
    await service.hup()
    const moved = Number((await service.until({ event: 'revived' })).moved)
    await expectServed(service, crowd, { [service.pid]: clients - moved, closed: moved })
    await service.until({ event: 'state', from: 'draining', to: 'ready', pid: service.pid })
    const since = service.mark()
    const next = Number((await service.hup(service.pid)).successor)
    const left = clients - moved - spoilt
    const fate = { code: 0, moved: left, drained: spoilt, cut: 0, told: spoilt }
    expect(await fateOf(service, service.pid, since)).toEqual(fate)
    await expectServed(service, crowd, { [next]: left, closed: moved + spoilt })
    expect(codesOf(crowd)).toEqual(counts({ open: left, 1006: moved, 1012: spoilt }))
    await endAll(service, crowd, next)
  })
})

describe('a successor that does not take all of them', () => {
  test.each<readonly [string, Carrying, Carrying, RegExp]>([
    [
      'its limit of fds is near',
      { fds: 120 },
      {},
      /as many connections as it may have: the other connections/,
    ],
    [
      'no fd is free',
      { fds: 1_000 },
      { full: true },
      /did not get a connection, as when no fd is free: the other connections/,
    ],
  ])('because %s: the others are told to come back', async (_, control, next, why) => {
    await using service = await startCarrying(control, { next, moving: { within: 2_000 } })
    const crowd = await gather(service, clients)
    const successor = Number((await service.hup()).successor)
    await movedAt(service, why)
    const { moved } = await service.until({ event: 'drain', phase: 'end' })
    const left = clients - Number(moved)
    expect(left).toBeGreaterThan(0)
    const fate = { code: 0, moved, drained: left, cut: 0, told: left }
    expect(await fateOf(service, service.pid)).toEqual(fate)
    await expectServed(service, crowd, { [successor]: Number(moved), closed: left })
    expect(codesOf(crowd)).toEqual(counts({ open: Number(moved), 1012: left }))
    await endAll(service, crowd, successor)
  })

  test.each(rows([1, 20, middle, clients], (at) => at === middle))(
    'because it is stopped before number %d is offered: nobody is reset',
    async (at) => {
      const control = { at, signal: 'SIGTERM' } as const
      await using service = await startCarrying(control, { moving: { within: 2_000 } })
      const crowd = await gather(service, clients)
      await service.hup()
      const { moved, drained, told } = await service.until({
        event: 'drain',
        pid: service.pid,
        phase: 'end',
      })
      expect([Number(moved) + Number(drained), told]).toEqual([clients, drained])
      await service.ended
      await expect
        .poll(() => codesOf(crowd))
        .toEqual(counts({ 1001: Number(moved), 1012: Number(told) }))
      expect(faultsOf(crowd)).toEqual([])
      expect(service.all({ event: 'exit' }).map(({ code }) => code)).toEqual([0, 0])
    },
  )
})
