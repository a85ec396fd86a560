import { service } from '../child.js'
import { Pm2 } from '../contenders/pm2.js'
import { Alone } from './alone.js'
import { ClusterFleet } from './cluster.js'
import { EndlessFleet } from './endless.js'
import type { App, Fleet } from './fleet.js'

/** A way to run an app on two cores. */
export interface Entrant {
  readonly title: string
  /** What the others are compared with. */
  readonly isMeasure?: true
  /** There is no other worker to reload it beside. */
  readonly isAlone?: true
  create(app: App): Fleet
}

export const entrants: readonly Entrant[] = [
  { title: '`endless start -w 2`', create: (app) => new EndlessFleet(app) },
  { title: '`node:cluster`', isMeasure: true, create: (app) => new ClusterFleet(app, 'rr') },
  { title: '`node:cluster`, `SCHED_NONE`', create: (app) => new ClusterFleet(app, 'none') },
  {
    title: '`pm2 -i 2`',
    create: (app) => new Pm2({ script: service('workers/app.js'), args: [app], instances: 2 }),
  },
  { title: 'one process', isAlone: true, create: (app) => new Alone(app) },
]
