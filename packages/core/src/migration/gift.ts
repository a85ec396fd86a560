import type { Generation } from '../generation/index.js'
import type { Listeners } from '../listeners/index.js'
import type { Peer } from '../supervision/index.js'
import { Candidates, namesIn } from './candidates.js'
import { carriageOf } from './carry.js'
import { Crossing } from './crossing.js'

/** For so long a gift may be on its way, in ms; then the rest stays. */
const patience = 5_000

/**
 * Gives some of the connections of a generation that serves to another worker, each between two requests:
 * all workers accept from one socket, and the kernel does not see to it that each gets its share.
 * @param count how many at most: those that are at a request just now are not waited for
 * @returns how many went
 */
export async function give(
  peer: Peer,
  generation: Generation,
  listeners: Listeners,
  count: number,
): Promise<number> {
  const nameOf = namesIn(listeners)
  const candidates: Candidates = new Candidates(
    generation,
    nameOf,
    // What other workers say comes by the supervisor, in no order with what goes by the pipe between two of them.
    (one) => crossing.has(one) || (generation.talk.isOpen && carriageOf(one.socket) !== undefined),
    () => {},
  )
  let left = count
  let settle = (): void => {}
  const settled = new Promise<void>((resolve) => {
    settle = resolve
  })
  const end = (): void => {
    left = 0
    if (crossing.size === 0) settle()
  }
  const pump = (): void => {
    while (left > 0 && crossing.hasRoom) {
      const connection = candidates.next(() => {})
      if (!connection) return end()
      left--
      crossing.offer(connection, nameOf(connection) ?? '')
    }
    if (left === 0) end()
  }
  const crossing: Crossing = new Crossing(peer, {
    standing: (connection) => candidates.standing(connection),
    pack: (connection) => candidates.pack(connection),
    gone: (connection) => candidates.bidFarewell(connection),
    room: pump,
    // It has as many as it may have, or is about to go.
    refused: end,
    silent: settle,
    answers: () => {},
    over: () => left === 0 && settle(),
  })
  const late = setTimeout(settle, patience)
  pump()
  await Promise.race([settled, peer.gone])
  clearTimeout(late)
  if (peer.alive) crossing.cancel()
  else crossing.abandon()
  peer.close()
  return crossing.moved
}
