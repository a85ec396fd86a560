import { EndlessError } from '@endlessjs/core/fleet'
import { expect, test } from 'vitest'
import { Reload } from './reload.js'
import type { Slot } from './slot.js'
import { fakeRelease } from './specs/fakes.js'
import type { Takeover } from './takeover.js'

/** A takeover that a test leads. */
class FakeTakeover {
  readonly old: { facts: { slot: number }; exited: Promise<void> }
  readonly ready: Promise<void>
  readonly served: Promise<void>
  readonly proved: Promise<void>
  readonly returned: Promise<void>
  heir = undefined
  isOver = false
  isProved = false
  readonly said: string[] = []
  readonly settle = new Map<string, () => void>()

  constructor(slot: number) {
    const told = (what: string): Promise<void> =>
      new Promise((resolve) => this.settle.set(what, resolve))
    this.ready = told('ready')
    this.served = told('served')
    this.proved = told('proved')
    this.returned = told('returned')
    this.old = { facts: { slot }, exited: told('exited') }
  }

  commit(): void {
    this.said.push('commit')
  }

  abandon(): void {
    this.said.push('abandon')
    this.settle.get('returned')?.()
  }

  async is(...what: readonly string[]): Promise<void> {
    for (const one of what) this.settle.get(one)?.()
    await turn()
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const release = fakeRelease('new')
const before = fakeRelease('old')

function reloadOf(count: number, surge = count, cannotBegin = -1) {
  const begun: FakeTakeover[] = []
  const phases: string[] = []
  const slots = Array.from({ length: count }, (_, index) => ({ index }) as Slot)
  const reload = new Reload(slots, release, before, {
    begin: ({ index }) => {
      if (index === cannotBegin) throw new EndlessError('ERR_ENDLESS_STOPPED', 'does not serve')
      const takeover = new FakeTakeover(index)
      begun.push(takeover)
      return takeover as unknown as Takeover
    },
    say: ({ phase }) => void phases.push(phase),
  })
  const outcome = reload.run(surge).then(
    () => 'done',
    (error: EndlessError) => error.code,
  )
  return { begun, phases, outcome }
}

test('a pilot first, then the others; all together', async () => {
  const { begun, outcome } = reloadOf(3)
  expect(begun.length).toBe(1)
  await begun[0]?.is('ready')
  expect(begun.length).toBe(3)
  await begun[1]?.is('ready')
  expect(begun.flatMap(({ said }) => said)).toEqual([])
  await begun[2]?.is('ready')
  expect(begun.map(({ said }) => said)).toEqual(Array(3).fill(['commit']))
  for (const one of begun) await one.is('served', 'proved')
  expect(await outcome).toBe('done')
})

test('one that cannot begin: all that have begun come back', async () => {
  const { begun, phases, outcome } = reloadOf(3, 3, 2)
  await begun[0]?.is('ready')
  expect(await outcome).toBe('ERR_ENDLESS_STOPPED')
  expect(begun.map(({ said }) => said)).toEqual([['abandon'], ['abandon']])
  expect(phases.at(-1)).toBe('rolling back')
})

test('the next wave begins when the old ones of this one are gone', async () => {
  const { begun, outcome } = reloadOf(2, 1)
  await begun[0]?.is('ready')
  await begun[0]?.is('served', 'proved')
  expect(begun.length).toBe(1)
  await begun[0]?.is('returned')
  expect(begun.length).toBe(2)
  await begun[1]?.is('ready')
  await begun[1]?.is('served', 'proved')
  expect(await outcome).toBe('done')
})
