// Connections in a protocol of the app's own move, with what the app knows of them.
import { expect, test } from 'vitest'
import { startBlock } from './support/block.js'
import { Fleet } from './support/fleet.js'
import { LineClient, LineCrowd } from './support/lines.js'
import { Raw } from './support/raw.js'
import { fixture, Service } from './support/service.js'

const script = fixture('lines.js')
const patient = { timeout: 10_000 }

function connectAll(port: number, count: number): Promise<LineClient[]> {
  return Promise.all(Array.from({ length: count }, () => LineClient.connect(port)))
}

function end(clients: readonly LineClient[]): void {
  for (const client of clients) client.end()
}

test('200 clients that never pause, over four upgrades: none is closed, nothing is lost or said twice', async () => {
  await using service = await Service.start({ script })
  const clients = await connectAll(service.port(), 200)
  // Some are answered at once, some later than all others have moved.
  const crowd = new LineCrowd(clients, (n, client) => `${n} ${client % 4 === 0 ? client % 50 : 0}`)
  const pids = [service.pid]
  for (let n = 0; n < 4; n++) {
    pids.push(await service.upgrade())
    const answered = clients.map(({ answers }) => answers.length)
    await expect
      .poll(() => clients.every(({ answers }, at) => answers.length > (answered[at] ?? 0)), patient)
      .toBe(true)
  }
  expect(await crowd.stop()).toEqual([])
  expect(new Set(clients.map(({ answers }) => answers.at(-1)?.pid))).toEqual(new Set([pids.at(-1)]))
  const drains = service.all({ event: 'drain', phase: 'end' })
  expect(drains.map(({ moved, drained, cut }) => ({ moved, drained, cut }))).toEqual(
    Array(4).fill({ moved: 200, drained: 0, cut: 0 }),
  )
  // Nobody has left: the app is told that they are gone.
  expect(service.all({ event: 'left' })).toEqual([])
  expect(service.all({ event: 'gone' })).toHaveLength(800)
  end(clients)
  await service.stop()
})

test('half a line goes along', async () => {
  await using service = await Service.start({ script })
  const client = await LineClient.connect(service.port())
  await client.ask('first')
  const upgraded = service.upgrade()
  const { n, total, pid } = await client.ask('second', upgraded)
  expect({ n, total, pid }).toEqual({ n: 'second', total: 2, pid: await upgraded })
  client.end()
  await service.stop()
})

test('one that is busy stays until it is not', async () => {
  await using service = await Service.start({ script })
  const client = await LineClient.connect(service.port())
  const slow = client.ask('slow 3000')
  const successor = await service.handOver()
  expect((await slow).pid).toBe(service.pid)
  await service.gone(service.pid)
  expect(await client.ask('next')).toEqual({ n: 'next', total: 2, pid: successor })
  client.end()
  await service.stop()
})

test.each([
  ['bad', /A connection cannot move with its state, and drains: no state/],
  ['big', /expected at most 1048576 bytes of JSON, received 1048578/],
])('one whose state is %s stays, and the log says why; the others move', async (what, why) => {
  await using service = await Service.start({ script })
  const [spoilt, other] = (await connectAll(service.port(), 2)) as [LineClient, LineClient]
  await spoilt.ask(what)
  await other.ask('hello')
  const successor = await service.handOver()
  await service.untilStderr(why)
  await expect.poll(async () => (await other.ask('who')).pid, patient).toBe(successor)
  expect((await spoilt.ask('who')).pid).toBe(service.pid)
  end([spoilt])
  await service.gone(service.pid)
  end([other])
  await service.stop()
})

test('a successor that dies on probation: those that it had are gone, the others are served on', async () => {
  await using service = await Service.start({ script, options: { probation: 60_000 } })
  const [client, busy] = (await connectAll(service.port(), 2)) as [LineClient, LineClient]
  await client.ask('hello')
  const slow = busy.ask('slow 3000')
  const successor = await service.handOver()
  await expect.poll(async () => (await client.ask('who')).pid, patient).toBe(successor)
  service.signal('SIGKILL', successor)
  await service.until({ event: 'state', from: 'draining', to: 'ready', pid: service.pid })
  await expect.poll(() => client.isOpen).toBe(false)
  expect((await slow).pid).toBe(service.pid)
  const next = await LineClient.connect(service.port())
  expect((await next.ask('hello')).pid).toBe(service.pid)
  end([busy, next])
  service.signal('SIGTERM', service.pid)
  await service.ended
})

test('under endless start: the same over reloads', async () => {
  await using fleet = await Fleet.start({ workers: 2, script })
  const clients = await connectAll(fleet.port, 40)
  const crowd = new LineCrowd(clients, (n, client) => `${n} ${client % 20}`)
  for (let n = 0; n < 2; n++) await fleet.reload()
  expect(await crowd.stop()).toEqual([])
  expect(clients.every(({ isOpen }) => isOpen)).toBe(true)
  expect(fleet.service.all({ event: 'left' })).toEqual([])
  end(clients)
  await fleet.stop()
})

test('of workers with unequal loads: what the one gives to the other goes on with its state', async () => {
  await using fleet = await Fleet.start({ workers: 2, script })
  const [, other = -1] = await fleet.pids()
  fleet.service.signal('SIGSTOP', other)
  const clients = await connectAll(fleet.port, 40)
  for (const client of clients) await client.ask('0')
  fleet.service.signal('SIGCONT', other)
  const crowd = new LineCrowd(clients, (n, client) => `${n} ${client % 20}`, 1)
  await fleet.service.untilStderr(/Gave \d+ connections to worker/)
  const pids = (): Set<number | undefined> =>
    new Set(clients.map(({ answers }) => answers.at(-1)?.pid))
  await expect.poll(() => pids().size, patient).toBe(2)
  expect(await crowd.stop()).toEqual([])
  end(clients)
  await fleet.stop()
})

test('the server that stands in migration.md goes on counting', async () => {
  const listen = ['listen(server, 7000)', 'listen(server, 0)'] as const
  await using service = await startBlock('docs/migration.md', 'lines.js', listen)
  const raw = await Raw.open(service.port())
  const ask = async (line: string, answer: string): Promise<void> => {
    raw.text = ''
    raw.write(line)
    await raw.until((text) => text === answer)
  }
  await ask('a\n', '1: a\n')
  raw.write('half')
  service.signal('SIGHUP')
  await service.until({ event: 'drain', phase: 'end', moved: 1 })
  await ask(' a line\n', '2: half a line\n')
  raw.socket.destroy()
  service.signal('SIGTERM', service.current)
  await service.gone(service.current)
})
