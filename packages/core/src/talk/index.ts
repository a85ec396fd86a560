/**
 * What an app says to all processes of its service, by channels: the generations of a slot among themselves, and by
 * the supervisor the slots. It may use the channel of two generations, and the link to the supervisor. Doors: `Talk`,
 * one for each process; `arrived`, where a client that has moved is there.
 */
export { type Arrival, arrived } from './arrival.js'
export { Talk } from './talk.js'
