/**
 * Bound sockets by name: new, inherited, activated by systemd, Unix. It may touch servers up to
 * 'listening', and the files of Unix sockets. Doors: the `Listeners` of a generation, made of an
 * `Inheritance`; one `Listener`; what systemd passed (`activation`).
 */

export { type Activated, takeActivated } from './activation.js'
export { Inheritance } from './inheritance.js'
export { Listener, type Origin } from './listener.js'
export { Listeners } from './listeners.js'
export type { Begin } from './owner.js'
