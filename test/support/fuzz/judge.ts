import type { ServiceEvent } from '../service.js'
import type { Plan } from './plan.js'
import type { Wire } from './wire.js'

/** What is known when all is over. */
export interface Record {
  readonly plan: Plan
  readonly wires: readonly Wire[]
  readonly events: readonly ServiceEvent[]
  /** When each was killed. */
  readonly killed: ReadonlyMap<number, number>
}

/** Everything that is wrong with it, in words. */
export function judge(record: Record): string[] {
  const { wires } = record
  const wrong = wires.filter(({ fate }) => fate === 'wrong' || fate === 'open')
  return [
    ...wrong.map(({ port, fate, why }) => `connection ${port} is ${fate}: ${why}`),
    ...losses(record),
    ...answers(record),
    ...moves(record),
    ...drains(record),
    ...exits(record),
  ]
}

/** A connection may be lost with the process that had it, and with no other. */
function losses({ plan, wires, events, killed }: Record): string[] {
  const ports = wires.map(({ port }) => port)
  return wires.flatMap((wire) => {
    const { port, why, openedAt } = wire
    if (wire.fate === 'closed' && plan.moves === 'all')
      return `connection ${port} was told to close`
    // The kernel gave a port twice: whose it was then is not known.
    if (wire.fate !== 'lost' || ports.indexOf(port) !== ports.lastIndexOf(port)) return []
    const holder = holderOf(port, events)
    const isExcused =
      holder === undefined ? [...killed.values()].some((at) => at >= openedAt) : killed.has(holder)
    return isExcused ? [] : `connection ${port} of ${holder} is lost: ${why}`
  })
}

/** Who had a connection last: it is the successor's from the moment that it was let go. */
function holderOf(port: number, events: readonly ServiceEvent[]): number | undefined {
  const its = events.filter((one) => one.port === port)
  const opened = its.filter((one) => one.event === 'connection')
  const move = its.findLast((one) => one.event === 'left' && one.moved === true)
  const successor = move && successorAt(events.indexOf(move), move.pid, events)
  if (successor !== undefined && !opened.some(({ pid }) => pid === successor)) return successor
  return opened.at(-1)?.pid
}

function successorAt(at: number, old: number, events: readonly ServiceEvent[]): number | undefined {
  return events
    .slice(0, at)
    .findLast((one) => one.event === 'state' && one.to === 'ready' && one.pid !== old)?.pid
}

/** Each request is asked once at most, on its own connection, and answered by whoever was asked. */
function answers({ wires, events }: Record): string[] {
  const asked = new Map<string, ServiceEvent>()
  const twice = events.filter((one) => {
    if (one.event !== 'asked') return false
    const known = asked.has(String(one.id))
    asked.set(String(one.id), one)
    return known
  })
  const strange = wires.flatMap(({ port, answers }) =>
    answers.filter(({ id, pid }) => asked.get(id)?.pid !== pid || asked.get(id)?.port !== port),
  )
  const back = wires.filter(({ answers }) => {
    const pids = answers.map(({ pid }) => pid).filter((pid, n, all) => pid !== all[n - 1])
    return new Set(pids).size < pids.length
  })
  return [
    ...twice.map(({ id, pid }) => `request ${id} came once more, to ${pid}`),
    ...strange.map(({ id, pid }) => `${pid} answered ${id}, which it was not asked`),
    ...back.map(({ port }) => `connection ${port} went back to a process that had let it go`),
  ]
}

/** What was let go has come, unless it was to one that was killed. */
function moves({ wires, events, killed }: Record): string[] {
  // A client that has reset its connection has no port any more for whoever gets it.
  const sound = wires.filter(({ fate }) => fate !== 'reset').map(({ port }) => port)
  return events.flatMap((one, at) => {
    if (one.event !== 'left' || one.moved !== true || !sound.includes(Number(one.port))) return []
    const successor = successorAt(at, one.pid, events)
    if (successor === undefined || killed.has(successor)) return []
    const came = events.some(
      ({ event, pid, port }) => event === 'connection' && pid === successor && port === one.port,
    )
    return came ? [] : `connection ${one.port} was let go by ${one.pid} and never came`
  })
}

/** The counts of each drain are those of what was seen. */
function drains({ plan, wires, events }: Record): string[] {
  const resets = wires.filter(({ fate }) => fate === 'reset').length
  return events.flatMap((start, at) => {
    if (start.event !== 'drain' || start.phase !== 'start') return []
    const later = events.slice(at + 1).filter(({ pid }) => pid === start.pid)
    const end = later.find(({ event, phase }) => event === 'drain' && phase !== 'start')
    if (end?.phase !== 'end') return []
    const seen = later.slice(0, later.indexOf(end)).filter((one) => one.moved === true).length
    const { moved, drained, cut } = end as unknown as { [count: string]: number }
    const sum = (moved ?? 0) + (drained ?? 0) + (cut ?? 0)
    const what = `drain of ${start.pid}: ${start.connections} open, ${JSON.stringify(end)}`
    return [
      ...(sum === start.connections ? [] : [`${what}: the sum is another`]),
      ...(moved === seen ? [] : [`${what}: ${seen} moves were seen`]),
      ...(cut === 0 ? [] : [`${what}: some were cut`]),
      ...(plan.moves === 'some' || (drained ?? 0) <= resets ? [] : [`${what}: some had to end`]),
    ]
  })
}

function exits({ events, killed }: Record): string[] {
  const pids = new Set(events.map(({ pid }) => pid))
  return [...pids].flatMap((pid) => {
    const exit = events.find((one) => one.event === 'exit' && one.pid === pid)
    if (killed.has(pid) || exit?.code === 0) return []
    return exit ? `${pid} exited with ${exit.code}` : `${pid} did not exit by itself`
  })
}
