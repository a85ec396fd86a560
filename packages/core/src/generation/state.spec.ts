import { describe, expect, test, vi } from 'vitest'
import { EndlessError } from '../errors.js'
import { thrownBy } from '../node/specs/thrown.js'
import { type Event, Machine, type State } from './state.js'

const ways: Record<State, Event[]> = {
  starting: [],
  ready: ['ready'],
  upgrading: ['ready', 'upgrade'],
  draining: ['shutdown'],
  exited: ['exit'],
}

const unknown = 'no such transition'

/** Written down a second time on purpose, cell by cell. */
const table: Record<State, Record<Event, State | string>> = {
  starting: {
    ready: 'ready',
    upgrade: 'ERR_ENDLESS_NOT_READY',
    upgradeFailed: unknown,
    handedOver: unknown,
    shutdown: 'draining',
    revive: unknown,
    exit: 'exited',
  },
  ready: {
    ready: unknown,
    upgrade: 'upgrading',
    upgradeFailed: unknown,
    handedOver: unknown,
    shutdown: 'draining',
    revive: unknown,
    exit: 'exited',
  },
  upgrading: {
    ready: unknown,
    upgrade: 'ERR_ENDLESS_UPGRADE_IN_PROGRESS',
    upgradeFailed: 'ready',
    handedOver: 'draining',
    shutdown: 'draining',
    revive: unknown,
    exit: 'exited',
  },
  draining: {
    ready: 'ERR_ENDLESS_DRAINING',
    upgrade: 'ERR_ENDLESS_DRAINING',
    upgradeFailed: unknown,
    handedOver: unknown,
    shutdown: 'draining',
    revive: 'ready',
    exit: 'exited',
  },
  exited: {
    ready: 'ERR_ENDLESS_DRAINING',
    upgrade: 'ERR_ENDLESS_DRAINING',
    upgradeFailed: unknown,
    handedOver: unknown,
    shutdown: 'ERR_ENDLESS_DRAINING',
    revive: unknown,
    exit: unknown,
  },
}

const cells = (Object.keys(table) as State[]).flatMap((from) =>
  (Object.keys(table[from]) as Event[]).map((event) => ({ from, event, to: table[from][event] })),
)

function machineIn(state: State, entered: (from: State, to: State) => void = () => {}): Machine {
  let told = (_from: State, _to: State): void => {}
  const machine = new Machine((from, to) => told(from, to))
  for (const event of ways[state]) machine.send(event)
  expect(machine.state).toBe(state)
  told = entered
  return machine
}

describe('every state and every event', () => {
  test('a new generation is starting', () => {
    expect(new Machine(() => {}).state).toBe('starting')
  })

  test.each(cells.filter(({ to }) => to in table))('$from, $event: $to', ({ from, event, to }) => {
    const entered = vi.fn()
    const machine = machineIn(from, entered)
    machine.send(event)
    expect(machine.state).toBe(to)
    expect(entered.mock.calls).toEqual(from === to ? [] : [[from, to]])
  })

  test.each(cells.filter(({ to }) => to.startsWith('ERR_')))(
    '$from refuses $event with $to and stays as it is',
    ({ from, event, to }) => {
      const entered = vi.fn()
      const machine = machineIn(from, entered)
      const error = thrownBy(() => machine.send(event))
      expect(error).toBeInstanceOf(EndlessError)
      expect(error).toMatchObject({ code: to, message: expect.stringMatching(/: \w/) })
      expect(machine.state).toBe(from)
      expect(entered).not.toHaveBeenCalled()
    },
  )

  test.each(cells.filter(({ to }) => to === unknown))(
    '$from, $event: a bug of ours, named by state and event',
    ({ from, event }) => {
      const machine = machineIn(from)
      const error = thrownBy(() => machine.send(event))
      expect(error).toBeInstanceOf(TypeError)
      expect(String(error)).toContain(`"${event}" from "${from}"`)
      expect(machine.state).toBe(from)
    },
  )
})

describe('while too many generations drain', () => {
  const refusal = new EndlessError('ERR_ENDLESS_TOO_MANY_DRAINING', 'too many')

  test('a ready generation refuses an upgrade, and takes it once there is room', () => {
    const machine = machineIn('ready')
    expect(thrownBy(() => machine.send('upgrade', refusal))).toBe(refusal)
    expect(machine.state).toBe('ready')
    machine.send('upgrade')
    expect(machine.state).toBe('upgrading')
  })

  test.each([
    ['starting', 'ERR_ENDLESS_NOT_READY'],
    ['upgrading', 'ERR_ENDLESS_UPGRADE_IN_PROGRESS'],
    ['draining', 'ERR_ENDLESS_DRAINING'],
    ['exited', 'ERR_ENDLESS_DRAINING'],
  ] as const)('%s refuses for its own reason: %s', (state, code) => {
    expect(thrownBy(() => machineIn(state).send('upgrade', refusal))).toMatchObject({ code })
  })

  test.each(['shutdown', 'exit'] as const)('%s is not held up', (event) => {
    const machine = machineIn('ready')
    machine.send(event)
    expect(machine.state).not.toBe('ready')
  })
})
