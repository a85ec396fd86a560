import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { EndlessError } from '@endlessjs/core/fleet'
import { afterAll, afterEach, beforeEach, expect, test, vi } from 'vitest'
import { between, seeded } from '../../../../test/support/client/random.js'
import { seedsOf } from '../../../../test/support/fuzz/seeds.js'
import { Fleet } from './fleet.js'
import { Mouth } from './mouth.js'
import { World } from './specs/world.js'
import { Voice } from './voice.js'

const seeds = seedsOf(process.env.SEEDS ?? '1..200')

const home = mkdtempSync(join(tmpdir(), 'endless-'))
const current = join(home, 'current')
for (const release of ['a', 'b']) {
  mkdirSync(join(home, release))
  writeFileSync(join(home, release, 'app.js'), '')
}

/** A deploy, of which nobody knows before the next reload. */
function deploy(release: string): void {
  rmSync(current, { force: true })
  symlinkSync(release, current)
}

deploy('a')
afterAll(() => rmSync(home, { recursive: true }))

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})

afterEach(() => {
  vi.useRealTimers()
})

const recipe = {
  command: process.execPath,
  preload: '/p',
  nodeArgs: [],
  script: 'app.js',
  args: [],
  cwd: current,
  env: {},
}

const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })

test.each(seeds)('seed %i', async (seed) => {
  const random = seeded(seed)
  const world = new World(random)
  const said: string[] = []
  const logger = {
    debug: () => {},
    info: (_: object, text: string) => void world.log.push(`  ${text}`),
    warn: () => {},
    error: (_: object, text: string) => void world.log.push(`  ${text}`),
  }
  const options = {
    workers: between(random, 1, 4),
    surge: random() < 0.5 ? 99 : between(random, 1, 2),
    readyTimeout: 5_000,
    maxRestarts: 1_000_000,
  }
  const mouth = new Mouth(false, nowhere, nowhere)
  const fleet = new Fleet(recipe, options, mouth, new Voice(logger), world.start)
  const faults: string[] = []
  world.comesAfterNobody = (cwd) => {
    if (cwd !== fleet.release.name) faults.push(`a crash has deployed ${cwd}`)
  }
  const asked: Promise<unknown>[] = []
  let open = 0
  const ask = (what: string, promise: Promise<unknown>): void => {
    open++
    world.log.push(`${what}?`)
    asked.push(
      promise
        .then(
          () => world.log.push(`${what}: done`),
          (error: unknown) => {
            world.log.push(`${what}: ${error instanceof Error ? error.message : error}`)
            if (!(error instanceof EndlessError) && !/ENOENT/.test(String(error)))
              faults.push(`${what}: ${error instanceof Error ? error.stack : error}`)
          },
        )
        .finally(() => open--),
    )
  }
  const settle = async (isDone: () => boolean, what: string): Promise<void> => {
    for (let n = 0; n < 20_000 && !isDone(); n++) {
      world.step(true)
      await turn()
      if (n % 10 === 0) vi.advanceTimersByTime(100)
    }
    if (!isDone()) faults.push(`${what} never ends`)
  }
  let end: number | undefined
  void fleet.ended.then((code) => {
    end = code
  })
  ask('start', fleet.start())
  await settle(() => open === 0, 'the start')
  world.badStarts = random() < 0.5 ? 0.3 : 0
  let committed = fleet.release
  const happen = (): void => {
    const dice = random()
    if (dice < 0.02) {
      deploy(random() < 0.5 ? 'a' : 'b')
      ask(
        'reload',
        fleet.reload().then(() => {
          committed = fleet.release
        }),
      )
    } else if (dice < 0.025) ask('scale', fleet.scale(between(random, 1, 4)))
    else if (dice < 0.03) {
      const slot = fleet.slots[0]
      if (slot) ask('renew', fleet.renew(slot))
    } else if (dice < 0.2) vi.advanceTimersByTime(between(random, 1, 400))
    else if (dice < 0.21) deploy(random() < 0.5 ? 'a' : 'b')
    else if (dice < 0.212) vi.advanceTimersByTime(20_000)
  }
  for (let n = between(random, 100, 1_500); n > 0; n--) {
    world.step()
    happen()
    if (random() < 0.7) await turn()
    if (end !== undefined) faults.push('nobody has asked for the end')
    if (end !== undefined) break
  }
  if (random() < 0.7) {
    const isQuiet = (): boolean =>
      open === 0 &&
      fleet.state === 'serving' &&
      fleet.slots.every(({ current }) => world.find(current?.pid ?? -1)?.serves) &&
      fleet.living.every((one) => one.state === 'serving') &&
      [...world.all.values()].every((one) => one.outbox.length + one.inbox.length === 0)
    await settle(isQuiet, `what is under way (${open})`)
    if (fleet.release !== committed) faults.push('a reload that failed was committed')
    for (const { index, current, living } of fleet.slots) {
      if (living.size !== 1) faults.push(`${living.size} workers in slot ${index}`)
      if (current?.facts.release !== fleet.release) said.push(`slot ${index} is of another release`)
      if (current?.isToldToStop) faults.push(`${current.pid} serves, and was told to stop`)
    }
    // One try is made to bring a slot to the committed release: it may have failed.
    if (world.badStarts === 0 && !world.log.some((line) => /dies|hangs/.test(line)))
      faults.push(...said)
    const known = new Set(fleet.living.map(({ pid }) => pid))
    for (const { pid } of world.all.values()) if (!known.has(pid)) faults.push(`${pid} is lost`)
  }
  fleet.stop()
  await settle(() => end !== undefined && open === 0, `the end (${open})`)
  if (world.all.size > 0) faults.push(`${world.all.size} are left`)
  const timers = vi.getTimerCount()
  if (timers > 0) faults.push(`${timers} timers are left`)
  expect(faults, [`seed ${seed}`, ...world.log].join('\n')).toEqual([])
})
