import { expect, test } from 'vitest'
import type { EndlessError } from '../errors.js'
import type { Successor } from '../handover/index.js'
import { Trial } from './trial.js'

function later(): { promise: Promise<void>; settle: () => void } {
  let settle = (): void => {}
  const promise = new Promise<void>((resolve) => {
    settle = resolve
  })
  return { promise, settle }
}

/** A trial, and what can happen to it. */
function tried() {
  const [proved, stopping, handedOver] = [later(), later(), later()]
  const release = Promise.race([stopping.promise, handedOver.promise])
  const successor: Pick<Successor, 'pid' | 'toldToStop' | 'release'> = {
    pid: 7,
    toldToStop: stopping.promise,
    release,
  }
  const trial = new Trial(successor, proved.promise)
  const outcome = trial.outcome.then(
    () => 'passed',
    ({ code, message }: EndlessError) => `${code}: ${message}`,
  )
  return { trial, outcome, proved, stopping, handedOver }
}

test('it is over when the probation is', async () => {
  const { trial, outcome, proved } = tried()
  expect(trial.isOver).toBe(false)
  proved.settle()
  expect(await outcome).toBe('passed')
  expect(trial.isOver).toBe(true)
})

test('a successor that hands over in its turn has passed', async () => {
  const { outcome, handedOver } = tried()
  handedOver.settle()
  expect(await outcome).toBe('passed')
})

test('of one that is told to stop nobody knows', async () => {
  const { outcome, stopping } = tried()
  stopping.settle()
  expect(await outcome).toMatch(/^ERR_ENDLESS_STOPPED: successor 7 was told to stop before/)
})

test('it fails where the one before serves again, and what comes later changes nothing', async () => {
  const { trial, outcome, proved } = tried()
  trial.fail('successor 7 died')
  trial.stop('generation 0 was hammered')
  proved.settle()
  expect(await outcome).toBe('ERR_ENDLESS_PROBATION: successor 7 died')
})

test('nobody has to ask for its outcome', () => {
  const { trial } = tried()
  expect(() => trial.stop('generation 0 was hammered')).not.toThrow()
})
