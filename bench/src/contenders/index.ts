import { Endless } from './endless.js'
import { Pm2 } from './pm2.js'
import { Restart } from './restart.js'
import type { Upgradable } from './upgradable.js'

/** A way to upgrade. */
export interface Contender {
  /** For `--only`. */
  readonly name: string
  readonly title: string
  create(): Upgradable
}

export const contenders: readonly Contender[] = [
  { name: 'endless', title: 'endless', create: () => new Endless() },
  {
    name: 'burst',
    title: 'endless, `slowStart: 0`',
    create: () => new Endless({ slowStart: 0 }),
  },
  {
    name: 'drain',
    title: 'endless, `migrate: false`',
    create: () => new Endless({ migrate: false }),
  },
  { name: 'restart', title: '`server.close()` restart', create: () => new Restart() },
  { name: 'pm2', title: '`pm2 reload`', create: () => new Pm2() },
]
