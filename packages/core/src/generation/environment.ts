import { resolve } from 'node:path'
import { inspect } from 'node:util'
import { EndlessError, messageOf } from '../errors.js'
import type { UpgraderOptions } from './options.js'
import { checkUpgraderOptions } from './validate.js'

const optionsVariable = 'ENDLESS_OPTIONS'
const readyVariable = 'ENDLESS_READY'
const configVariable = 'ENDLESS_CONFIG'

/** Kept by name on the process: the app may have another copy of this package than its preload is of. */
const key = Symbol.for('@endlessjs/core:environment')

/** What an operator says of an app that knows nothing of us. */
interface Environment {
  /** Defaults: what the app sets wins. */
  readonly options: UpgraderOptions
  /** Whether the app says by `process.send('ready')` that it is ready, and not by listening. */
  readonly readyByMessage: boolean
  /** A module with hooks: of this release, where its path is relative. */
  readonly config: string | undefined
}

/**
 * Takes it out of `process.env`, so that no child of the app has it. A successor does: it starts with the
 * environment that this process was started with. Throws `ERR_ENDLESS_OPTION`.
 */
export function takeEnvironment(): Environment {
  const {
    [optionsVariable]: text,
    [readyVariable]: ready = '',
    [configVariable]: config,
  } = process.env
  delete process.env[optionsVariable]
  delete process.env[readyVariable]
  delete process.env[configVariable]
  if (ready !== '' && ready !== 'message') throw bad(readyVariable, '"message" or nothing', ready)
  const readyByMessage = ready === 'message'
  const options = {
    ...(readyByMessage && { autoReady: false }),
    ...(text ? optionsOf(text) : {}),
  }
  Reflect.set(process, key, options)
  // Now: the app may change its directory.
  return { options, readyByMessage, config: config ? resolve(config) : undefined }
}

/** The defaults that were taken. */
export function optionsOfEnvironment(): UpgraderOptions {
  const taken: UpgraderOptions | undefined = Reflect.get(process, key)
  return taken ?? {}
}

function optionsOf(text: string): UpgraderOptions {
  let options: unknown
  try {
    options = JSON.parse(text)
  } catch {
    throw bad(optionsVariable, 'JSON such as {"hammerTime":30000}', text)
  }
  try {
    checkUpgraderOptions(options)
  } catch (cause) {
    throw new EndlessError('ERR_ENDLESS_OPTION', `${optionsVariable}: ${messageOf(cause)}`, {
      cause,
    })
  }
  return options
}

function bad(name: string, expected: string, received: string): EndlessError {
  return new EndlessError(
    'ERR_ENDLESS_OPTION',
    `${name}: expected ${expected}, received ${inspect(received)}`,
  )
}
