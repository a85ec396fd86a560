// What Socket.IO asks of all processes: sockets, answers of clients, answers of processes. Each client is counted once.
import { describe, expect, onTestFinished, test } from 'vitest'
import { Fleet } from './support/fleet.js'
import { fixture, Service } from './support/service.js'
import { SocketIOClient } from './support/socketio.js'

const script = fixture('socketio.rooms.js')
const patient = { timeout: 20_000 }

interface Found<One> {
  readonly pid: number
  readonly error?: string
  readonly found?: readonly One[]
}

interface Details {
  readonly id: string
  readonly who: string
  readonly rooms: readonly string[]
  readonly name: string
  readonly kind: string
}

/** A client that answers what it is asked, and asks itself. */
class Player {
  readonly client: SocketIOClient
  readonly name: string
  /** What it was asked, in order. */
  readonly questions: string[] = []
  /** Settles when it is held where it is. */
  leave: () => void = () => {}
  isMute = false

  private constructor(client: SocketIOClient, who: string) {
    this.client = client
    this.name = `n${who}`
    this.socket.on('question', (text: string, answer: (text: string) => void) => {
      this.questions.push(text)
      if (!this.isMute) answer(`${this.name} ${text}`)
    })
    this.socket.on('leave', (answer: () => void) => {
      this.leave = answer
    })
  }

  static async connect(port: number, n: number): Promise<Player> {
    const client = await SocketIOClient.connect(port, `${n}`, { transports: ['websocket'] })
    onTestFinished(() => client.end())
    return new Player(client, `${n}`)
  }

  get socket(): SocketIOClient['members'][number]['socket'] {
    return this.#member.socket
  }

  get id(): string {
    return this.#member.id
  }

  get news(): readonly string[] {
    return this.#member.news
  }

  get #member(): SocketIOClient['members'][number] {
    const [member] = this.client.members
    if (!member) throw new Error('it is in no namespace')
    return member
  }

  fetch(room = 'a', ms = 5_000): Promise<Found<Details>> {
    return this.socket.emitWithAck('fetch', room, ms)
  }

  survey(text: string, room = 'a', ms = 10_000): Promise<Found<string>> {
    return this.socket.emitWithAck('survey', room, ms, text)
  }

  pids(): Promise<Found<{ readonly pid: number; readonly bytes: Buffer }>> {
    return this.socket.emitWithAck('pids')
  }

  stay(): Promise<number> {
    return this.socket.emitWithAck('stay')
  }
}

function connectAll(port: number, count: number, from = 0): Promise<Player[]> {
  return Promise.all(Array.from({ length: count }, (_, n) => Player.connect(port, from + n)))
}

const sorted = (some: Iterable<string | undefined>): unknown[] => [...some].sort()
const idsOf = (players: readonly Player[]): unknown[] => sorted(players.map(({ id }) => id))
const answersOf = (players: readonly Player[], text: string): unknown[] =>
  sorted(players.map(({ name }) => `${name} ${text}`))
const faultsOf = (players: readonly Player[]): unknown[] =>
  players.flatMap(({ client }) => client.faults)

/** Each of these has to hear of all, each once. */
async function check(askers: readonly Player[], all: readonly Player[], text: string) {
  for (const asker of askers) {
    const { error, found = [] } = await asker.fetch()
    expect(error).toBeUndefined()
    expect(sorted(found.map(({ id }) => id))).toEqual(idsOf(all))
    const survey = await asker.survey(`${text} ${asker.name}`)
    expect(survey.error).toBeUndefined()
    expect(sorted(survey.found ?? [])).toEqual(answersOf(all, `${text} ${asker.name}`))
  }
}

/** Players in both workers of a fleet, whichever is quicker to accept: half of them in each. */
async function inBoth(fleet: Fleet, count: number): Promise<[Player[], Player[]]> {
  const [first = 0, second = 0] = await fleet.pids()
  const place = async (other: number, from: number): Promise<Player[]> => {
    fleet.service.signal('SIGSTOP', other)
    const players = await connectAll(fleet.port, count / 2, from)
    fleet.service.signal('SIGCONT', other)
    return players
  }
  return [await place(second, 0), await place(first, count / 2)]
}

describe('under endless start', () => {
  test('sockets, answers of clients and of processes are those of both workers', async () => {
    await using fleet = await Fleet.start({ workers: 2, script })
    const [here, there] = await inBoth(fleet, 10)
    const [one, other] = [here[0], there[0]]
    if (!one || !other) throw new Error('no players')
    const all = [...here, ...there]
    await check([one, other], all, 'text')
    const { pid, found = [] } = await one.fetch()
    expect(found).toContainEqual({
      id: other.id,
      who: '5',
      rooms: [other.id, 'a', 'n5'],
      name: 'n5',
      kind: 'RemoteSocket',
    })
    expect(found.find(({ id }) => id === one.id)).toMatchObject({ who: '0', kind: 'Socket' })
    // One room, and one that nobody is in.
    expect(await one.fetch('n7')).toMatchObject({ found: [{ name: 'n7' }] })
    expect(await one.fetch('none')).toMatchObject({ found: [] })
    expect((await one.survey('only', 'n7')).found).toEqual(['n7 only'])
    expect((await one.survey('nobody', 'none')).found).toEqual([])
    // What is done by one that was fetched.
    expect((await one.socket.emitWithAck('tell', 'n5')).found).toBe('n5 alone')
    expect((await other.fetch('b')).found).toMatchObject([{ id: other.id }])
    expect(other.news).toEqual(['by its id'])
    // All but the one that asks.
    const pids = await other.pids()
    expect(pids.found).toEqual([{ pid, bytes: Buffer.from('bytes') }])
    other.socket.emit('spread', 'a')
    for (const player of here) await expect.poll(() => player.news, patient).toEqual([`${pid}`])
    await other.pids()
    expect(there.slice(1).flatMap(({ news }) => news)).toEqual([])
    await fleet.reload()
    await check([one, other], all, 'reloaded')
    expect((await one.pids()).found).toHaveLength(1)
    expect(faultsOf(all)).toEqual([])
    await fleet.stop()
  })

  test('what is more than a message of a channel may have comes in parts; what nobody can say is an error', async () => {
    await using fleet = await Fleet.start({ workers: 2, script })
    const [[one], there] = await inBoth(fleet, 12)
    for (const { socket } of there) await socket.emitWithAck('grow', 400_000)
    expect((await one?.fetch())?.found).toHaveLength(12)
    await there[0]?.socket.emitWithAck('circle')
    expect((await one?.fetch())?.error).toMatch(/^process \d+: /)
    await fleet.stop()
  })

  test('a worker that is killed is waited for once, and the one that comes for it answers', async () => {
    await using fleet = await Fleet.start({ workers: 2, script })
    const [[one], [other]] = await inBoth(fleet, 2)
    if (!one || !other) throw new Error('no players')
    await check([one], [one, other], 'before')
    const { pid } = await other.fetch()
    fleet.service.signal('SIGKILL', pid)
    await fleet.service.gone(pid)
    const { error, pid: asked } = await one.fetch()
    expect(error).toBe(`timeout reached: only 1 responses received out of 2, none of ${pid}`)
    await expect.poll(async () => (await other.pids()).found?.length, patient).toBe(1)
    await expect.poll(() => other.socket.connected, patient).toBe(true)
    expect(sorted(((await one.fetch()).found ?? []).map(({ id }) => id))).toEqual(
      sorted([one.id, other.socket.id]),
    )
    expect(asked).not.toBe(pid)
    await fleet.stop()
  })
})

describe.each(['socket.io', 'socket.io-4-6'])('%s, over an upgrade', (version) => {
  const env = { SOCKETIO: version }

  test('clients in both generations, asked from either', async () => {
    await using service = await Service.start({ script, env })
    const all = await connectAll(service.port(), 10)
    const [stays, moves] = [all[0], all[9]]
    if (!stays || !moves) throw new Error('no players')
    const staying = all.slice(0, 5)
    for (const player of staying) expect(await player.stay()).toBe(service.pid)
    const successor = await service.handOver()
    for (const player of all.slice(5))
      await expect.poll(async () => (await player.fetch()).pid, patient).toBe(successor)
    expect((await stays.fetch()).pid).toBe(service.pid)
    await check([stays, moves], all, 'both')
    expect((await stays.pids()).found).toMatchObject([{ pid: successor }])
    expect((await moves.pids()).found).toMatchObject([{ pid: service.pid }])
    for (const player of staying) player.leave()
    await service.gone(service.pid)
    // Within the time that it would be waited for.
    await check([stays, moves], all, 'after')
    expect((await stays.pids()).found).toEqual([])
    expect(faultsOf(all)).toEqual([])
    await service.stop()
  })

  test('while they move, each is counted once', async () => {
    await using service = await Service.start({ script, env })
    const all = await connectAll(service.port(), 40)
    let isOver = false
    let count = 0
    // Two that stay, and two that move.
    const asking = [0, 1, 38, 39].map(async (n) => {
      const asker = all[n]
      while (asker && !isOver) {
        await check([asker], all, `${++count}`)
        // Nothing of it is on its way for a while: it may move.
        await new Promise((resolve) => setTimeout(resolve, 5 + n))
      }
    })
    const more = async (): Promise<void> => {
      const before = count
      await expect.poll(() => count - before, patient).toBeGreaterThan(10)
    }
    const upgrade = async (): Promise<void> => {
      for (const staying of [all.slice(0, 2), []]) {
        const pid = service.current
        for (const player of staying) await player.stay()
        await more()
        await service.handOver()
        await more()
        for (const player of staying) player.leave()
        await service.gone(pid)
      }
    }
    const upgrades = upgrade().finally(() => {
      isOver = true
    })
    await Promise.all([...asking, upgrades])
    for (const { questions } of all) expect(questions).toHaveLength(count)
    expect(faultsOf(all)).toEqual([])
    await service.stop()
  })

  test('who does not answer in time is missing, and moves all the same', async () => {
    await using service = await Service.start({ script, env })
    const all = await connectAll(service.port(), 6)
    const [stays, mute] = [all[0], all[5]]
    if (!stays || !mute) throw new Error('no players')
    mute.isMute = true
    await stays.stay()
    const first = await service.handOver()
    await expect.poll(async () => (await mute.fetch()).pid, patient).toBe(first)
    const { error, found } = await stays.survey('late', 'a', 1_500)
    expect(error).toBe('operation has timed out')
    expect(sorted(found ?? [])).toEqual(answersOf(all.slice(0, 5), 'late'))
    stays.leave()
    await service.gone(service.pid)
    const second = await service.handOver()
    await expect.poll(async () => (await mute.fetch()).pid, patient).toBe(second)
    expect(faultsOf(all)).toEqual([])
    await service.stop()
  })
})
