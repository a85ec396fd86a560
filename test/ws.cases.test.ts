// What a client of a WebSocket hears is the same, byte by byte, whether its server is upgraded meanwhile or not.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { broken } from './support/cases/broken.js'
import { closing } from './support/cases/closing.js'
import { deflated } from './support/cases/deflating.js'
import { framing } from './support/cases/framing.js'
import { Echo } from './support/echo.js'
import { Player } from './support/player.js'

const scripts = [...framing, ...broken, ...closing, ...deflated]
const longest = Math.max(...scripts.map(({ steps }) => steps.length))
const boundaries = Array.from({ length: longest }, (_, n) => n)

let echo: Echo
let expected: Record<string, readonly string[]>

beforeAll(async () => {
  await using plain = await Echo.begin({ plain: true })
  expected = await play(plain, () => false)
  expect(Object.keys(expected)).toHaveLength(scripts.length)
  await plain.stop()
  echo = await Echo.begin()
})
afterAll(() => echo[Symbol.asyncDispose]())

test.each(boundaries)('with an upgrade before step %i', async (boundary) => {
  expect(await play(echo, (step) => step === boundary)).toEqual(expected)
})

test('with an upgrade before each step', async () => {
  expect(await play(echo, () => true)).toEqual(expected)
})

/** All scripts at once, so that they share an upgrade, step by step. @returns what was heard, by script */
async function play(
  echo: Echo,
  isUpgraded: (step: number) => boolean,
): Promise<Record<string, readonly string[]>> {
  const players = await Promise.all(scripts.map((script) => Player.connect(script, echo)))
  try {
    for (let n = 0; players.some(({ script }) => n < script.steps.length); n++) {
      if (isUpgraded(n)) await upgrade(echo, players)
      await Promise.all(players.map((player) => player.play(n)))
    }
    await Promise.all(players.map((player) => player.end()))
    return Object.fromEntries(players.map(({ script, heard }) => [script.name, heard]))
  } finally {
    for (const player of players) player.kill()
  }
}

/** Who is between two messages moves; who is not stays where it is. */
async function upgrade(echo: Echo, players: readonly Player[]): Promise<void> {
  const halves = players.filter(({ state }) => state === 'half')
  const placed = halves.map((player) => ({ player, pid: player.pid }))
  for (const player of halves) player.stay()
  await echo.handOver()
  await Promise.all(players.map((player) => player.settle()))
  const moved = placed.filter(({ player, pid }) => player.pid !== pid)
  expect(moved.map(({ player }) => player.script.name)).toEqual([])
}
