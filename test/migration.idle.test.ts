// Many idle connections at once. Time is noted and gates nothing: that is what bench is for.
import { expect, test } from 'vitest'
import { type Answer, ask, Crowd, tally } from './support/crowd.js'
import { endOf, startMoving } from './support/moving.js'
import type { Raw } from './support/raw.js'

const many = 9_000
const few = 1_000
const execArgv = ['--expose-gc']
const mebibyte = 2 ** 20

test.for([
  ['at once', {}],
  ['with the slow start of users', { slowStart: undefined }],
] as const)(
  `${many} idle connections move %s, none is closed, and each is served`,
  async ([, options], { annotate }) => {
    await using service = await startMoving({}, { options })
    const crowd = await Crowd.served(service.port(), many)
    const pid = Number((await service.hup()).successor)
    expect(await endOf(service)).toEqual({ code: 0, moved: many, drained: 0, cut: 0 })
    const end = await service.until({ event: 'drain', phase: 'end' })
    await annotate(`moved in ${Number(end.ms).toFixed(0)} ms`)
    expect(crowd.members.filter(({ socket }) => socket.destroyed)).toEqual([])
    expect(tally(await crowd.ask())).toEqual({ [pid]: many })
    crowd.end()
    await service.stop()
  },
)

interface Growth {
  /** What a move adds to the heap of the old one, at most, and what it leaves there. */
  readonly during: number
  readonly after: number
  /** What the connections add to the heap of who accepted them, and of the successor. */
  readonly accepted: number
  readonly adopted: number
}

async function growthBy(count: number): Promise<Growth> {
  await using service = await startMoving({ sample: count / 10 }, { execArgv, next: {} })
  const heapOf = (answer: Answer | undefined): number => Number(answer?.body.heapUsed)
  const [alone] = (await Crowd.served(service.port(), 1)).members as [Raw]
  const empty = heapOf(await ask(alone, '/memory'))
  const crowd = await Crowd.served(service.port(), count - 1)
  const accepted = heapOf(await ask(alone, '/memory')) - empty
  await service.hup()
  const measured = await service.until({ event: 'measured' })
  expect(await endOf(service)).toMatchObject({ moved: count })
  await crowd.ask()
  const adopted = heapOf(await ask(alone, '/memory')) - empty
  crowd.end()
  alone.socket.destroy()
  await service.stop()
  const during = Number(measured.during)
  return { during, after: Number(measured.after) - empty, accepted, adopted }
}

test('memory does not grow with their number, but for the sockets themselves', async ({
  annotate,
}) => {
  const [small, large] = [await growthBy(few), await growthBy(many)]
  await annotate(`heap, in MiB: ${JSON.stringify([mebibytes(small), mebibytes(large)])}`)
  // Not more for 9 times as many, but for what is on its way.
  expect(large.during - small.during).toBeLessThan(mebibyte)
  expect(large.after - small.after).toBeLessThan(3 * mebibyte)
  // What a connection costs that it did not accept, as what one costs that was.
  expect(large.adopted).toBeLessThan(large.accepted * 1.1)
})

function mebibytes(bytes: Growth): Record<string, string> {
  return Object.fromEntries(
    Object.entries(bytes).map(([name, value]) => [name, (value / mebibyte).toFixed(2)]),
  )
}
