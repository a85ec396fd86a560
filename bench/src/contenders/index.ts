import { Control } from './control.js'
import { Endless } from './endless.js'
import { Go, goIsMissing } from './go.js'
import { Pm2 } from './pm2.js'
import { Restart } from './restart.js'
import type { Upgradable } from './upgradable.js'

/** A way to upgrade. */
export interface Contender {
  /** For `--only`. */
  readonly name: string
  readonly title: string
  /** Says something about kinds of requests: one of `--proof`. */
  readonly inProof: boolean
  /** It is not upgraded at all. */
  readonly isControl?: true
  /** Why it cannot be had on this machine, if so. */
  missing?(): Promise<string | undefined>
  create(): Upgradable
}

export const contenders: readonly Contender[] = [
  {
    name: 'noise',
    title: 'control: no upgrade',
    inProof: false,
    isControl: true,
    create: () => new Control(),
  },
  { name: 'endless', title: 'endless', inProof: true, create: () => new Endless() },
  {
    name: 'burst',
    title: 'endless, `slowStart: 0`',
    inProof: false,
    create: () => new Endless({ slowStart: 0 }),
  },
  {
    name: 'drain',
    title: 'endless, `migrate: false`',
    inProof: false,
    create: () => new Endless({ migrate: false }),
  },
  {
    name: 'restart',
    title: '`server.close()` restart',
    inProof: true,
    create: () => new Restart(),
  },
  { name: 'pm2', title: '`pm2 reload`', inProof: true, create: () => new Pm2() },
  {
    name: 'go-endless',
    title: 'fvbock/endless, app in Go',
    inProof: true,
    missing: goIsMissing,
    create: () => new Go('endless'),
  },
  {
    name: 'tableflip',
    title: 'cloudflare/tableflip, app in Go',
    inProof: true,
    missing: goIsMissing,
    create: () => new Go('tableflip'),
  },
]
