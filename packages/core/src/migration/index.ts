/**
 * How established connections change hands, each between two requests. It may freeze a connection,
 * send its handle through a lane, and let go of it. Doors: `migrationTo` for the end that sends,
 * `openForConnections` for the end that takes.
 */

export { openForConnections, takeFrom } from './adoption.js'
export {
  baggageOf,
  type Carriage,
  carried,
  carry,
  isLeaving,
  type LadenCarriage,
} from './carry.js'
export { give } from './gift.js'
export { Migration, migrationTo } from './migration.js'
