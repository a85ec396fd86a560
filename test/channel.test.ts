// Messages between the generations of a service, and between the workers of a fleet: a chat whose members move.
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { Chat, overWebSocket } from './support/chat.js'
import { root } from './support/example.js'
import { Fleet } from './support/fleet.js'
import { isLong } from './support/long.js'
import { Raw } from './support/raw.js'
import { fixture, Service } from './support/service.js'

const script = fixture('chat.js')
const patient = { timeout: 20_000 }
/** Ten of them by `npm run test:long`. */
const upgrades = isLong ? 10 : 5

test.each([
  ['lines', {}, undefined],
  ['WebSockets', { WEBSOCKETS: '1' }, overWebSocket],
])(
  `%s: 100 members and some who come and go, over ${upgrades} upgrades: each reads each message once, in order`,
  async (_, env, open) => {
    await using service = await Service.start({ script, env })
    const chat = new Chat(service.port(), open)
    await chat.begin(100)
    for (const name of ['a', 'b', 'c']) chat.comeAndGo(name)
    for (let n = 0; n < upgrades; n++) {
      await chat.later()
      await service.upgrade()
    }
    await chat.later()
    expect(await chat.stop()).toEqual([])
    expect(chat.members.slice(0, 100).every(({ isOpen }) => isOpen)).toBe(true)
    expect(service.all({ event: 'gone' }).length).toBeGreaterThanOrEqual(100 * upgrades)
    chat.end()
    await service.stop()
  },
)

/** Members in both workers of a fleet, whichever is quicker to accept. */
async function beginInBoth(
  fleet: Fleet,
  count: number,
  chat: Chat = new Chat(fleet.port),
): Promise<Chat> {
  for (const pid of await fleet.pids()) {
    fleet.service.signal('SIGSTOP', pid)
    await chat.begin(count / 2)
    fleet.service.signal('SIGCONT', pid)
  }
  return chat
}

test('under endless start: the same with two workers, over three reloads', async () => {
  await using fleet = await Fleet.start({ workers: 2, script })
  const chat = await beginInBoth(fleet, 60)
  for (const name of ['a', 'b']) chat.comeAndGo(name)
  await chat.later()
  expect(chat.pids.size).toBe(2)
  for (let n = 0; n < 3; n++) {
    await chat.later()
    await fleet.reload()
  }
  await chat.later()
  expect(await chat.stop()).toEqual([])
  expect(chat.members.slice(0, 60).every(({ isOpen }) => isOpen)).toBe(true)
  chat.end()
  await fleet.stop()
})

test('a successor that is killed on probation, in the midst of it: who had moved is gone, and the chat goes on', async () => {
  await using service = await Service.start({ script, options: { probation: 60_000 } })
  const chat = new Chat(service.port())
  await chat.begin(100)
  const staying = chat.members.slice(0, 50)
  await Promise.all(staying.map((one) => one.stay()))
  await chat.later()
  const since = service.mark()
  service.signal('SIGHUP')
  await service.until({ event: 'gone' }, since)
  service.signal('SIGKILL', service.current)
  await service.until({ event: 'state', from: 'draining', to: 'ready', pid: service.pid }, since)
  await chat.later()
  const moved = service.all({ event: 'gone', pid: service.pid }).map(({ name }) => name)
  expect(chat.lost).toEqual(expect.arrayContaining(moved))
  expect(chat.lost).toHaveLength(moved.length)
  // The next one has the rest.
  await Promise.all(staying.map((one) => one.go()))
  const successor = await service.handOver()
  await expect.poll(() => chat.pids, patient).toEqual(new Set([successor]))
  expect(await chat.stop()).toEqual([])
  expect(chat.lost).toHaveLength(moved.length)
  chat.end()
})

test('a predecessor that is killed in the midst of it: who had moved stays, and the chat goes on', async () => {
  await using service = await Service.start({ script, options: { probation: 60_000 } })
  const chat = new Chat(service.port())
  await chat.begin(100)
  const staying = chat.members.slice(0, 50)
  await Promise.all(staying.map((one) => one.stay()))
  await chat.later()
  const since = service.mark()
  service.signal('SIGHUP')
  await service.until({ event: 'gone' }, since)
  service.signal('SIGKILL', service.pid)
  await service.gone(service.pid)
  // They may be few.
  await chat.later(5)
  expect(chat.lost).toEqual(expect.arrayContaining(staying.map(({ name }) => name)))
  for (const { name } of service.all({ event: 'gone' })) expect(chat.lost).not.toContain(name)
  expect(await chat.stop()).toEqual([])
  expect(chat.pids).toEqual(new Set([service.current]))
  chat.end()
})

test('under endless start: a successor that is killed on probation; none reads a message twice, and the chat goes on', async () => {
  const options = { probation: 60_000 }
  await using fleet = await Fleet.start({
    workers: 2,
    script,
    flags: ['--probation', '60s'],
    options,
  })
  const { service } = fleet
  const before = await fleet.pids()
  const chat = await beginInBoth(fleet, 60)
  await chat.later()
  const since = service.mark()
  const reload = fleet.begin('reload')
  await service.until({ event: 'gone' }, since)
  // What the other worker says was on its way through it.
  chat.mayMiss = true
  service.signal('SIGKILL', service.current)
  expect((await reload.outcome).code).not.toBe(0)
  expect(await fleet.pids()).toEqual(before)
  await beginInBoth(fleet, 20, chat)
  await chat.later()
  for (const pid of before) expect(chat.pids).toContain(pid)
  const moved = service.all({ event: 'gone' }).map(({ name }) => name)
  for (const name of chat.lost) expect(moved).toContain(name)
  expect(await chat.stop()).toEqual([])
  chat.end()
})

test('under endless start: members are not given to other workers to even them out', async () => {
  await using fleet = await Fleet.start({ workers: 2, script })
  const [, other = -1] = await fleet.pids()
  fleet.service.signal('SIGSTOP', other)
  const chat = new Chat(fleet.port)
  await chat.begin(40)
  fleet.service.signal('SIGCONT', other)
  await fleet.service.untilStderr(/Could give none of \d+ connections to worker/)
  expect(await chat.stop()).toEqual([])
  expect(chat.pids.size).toBe(1)
  chat.end()
  await fleet.stop()
})

test('the chat that stands in migration.md is one room, before, during and after an upgrade', async () => {
  const doc = readFileSync(join(root, 'docs/migration.md'), 'utf8')
  const [, block = ''] = /^```js\n(\/\/ chat\.js\n.*?)^```$/ms.exec(doc) ?? []
  // Where Node finds the package, and on a port that is free.
  const path = fixture(`.chat-${process.pid}.js`)
  onTestFinished(() => rmSync(path))
  const reporting = block.replace('\n', "\nimport './report.js'\n")
  writeFileSync(path, reporting.replace('listen(server, 7000)', 'listen(server, 0)'))
  await using service = await Service.start({ script: path })
  const both = [await Raw.open(service.port()), await Raw.open(service.port())] as const
  const [one, other] = both
  const isHeard = async (line: string): Promise<void> => {
    for (const raw of both) await raw.until((text) => text.endsWith(`${line}\n`))
  }
  // Whom the server has not accepted yet is nobody who would miss it.
  for (const [n, raw] of both.entries()) {
    raw.write(`here ${n}\n`)
    await raw.until((text) => text.endsWith(`here ${n}\n`))
  }
  one.write('a\n')
  await isHeard('a')
  service.signal('SIGHUP')
  one.write('b\n')
  await isHeard('b')
  await service.until({ event: 'drain', phase: 'end', moved: 2 })
  other.write('c\n')
  await isHeard('c')
  for (const { text } of both) expect(text).toMatch(/^(here 0\n)?here 1\na\nb\nc\n$/)
  for (const { socket } of both) socket.destroy()
  await service.stop()
})
