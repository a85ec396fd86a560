/**
 * Every connection of the servers that are tracked, and the requests on it. It hears of them and
 * changes nothing, save that it sends a GOAWAY where it is asked to. Doors: the `Connections` of a
 * generation, one `Connection` with its `Exchange`s, the `Kind` of what it is at, `goAway`.
 */

export type { Connection } from './connection.js'
export { Connections } from './connections.js'
export { describe, type Exchange, failExchange, isEventStream } from './exchange.js'
export { goAway } from './goaway.js'
export type { Kind } from './kinds.js'
