import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { fixture, Service, type StartOptions } from './service.js'

/** Where packages are found by name, the preload among them. */
export const directory: string = resolve(import.meta.dirname, '..')

/** Nobody waits for a probation. */
const options = { probation: 0, slowStart: 0 }

const byImport = ['--import', '@endlessjs/core/auto']

/** How to start such an app. */
export interface AutoOptions extends Omit<Partial<StartOptions>, 'options'> {
  /** `ENDLESS_OPTIONS`, beside those of every test; a text as it stands. */
  readonly options?: object | string
  /** How it is loaded. */
  readonly preload?: readonly string[]
}

/** An app of fixtures/auto with the preload; what it does is reported by a module that is loaded before. */
export function startAuto(name: string, given: AutoOptions = {}): Promise<Service> {
  const { options: own = {}, preload = byImport, env, execArgv = [], ...more } = given
  return Service.start({
    script: fixture(`auto/${name}.js`),
    cwd: directory,
    execArgv: [...preload, ...execArgv],
    ...more,
    env: {
      NODE_OPTIONS: `--import=${pathToFileURL(fixture('report.js'))}`,
      ENDLESS_OPTIONS: typeof own === 'string' ? own : JSON.stringify({ ...options, ...own }),
      ...env,
    },
  })
}
