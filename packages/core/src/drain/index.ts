/**
 * How a generation ends: drain, hammer, probation, exit. It may tell clients to go, end connections,
 * and end the process. Doors: the `Ending`, from the first moment of a drain to its last, and `exit`.
 */
export { Ending } from './ending.js'
export { exit } from './exit.js'
