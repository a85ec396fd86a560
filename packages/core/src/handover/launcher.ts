import { basename } from 'node:path'
import { type Ancestor, ancestors, leadsTerminal } from '../node/index.js'
import { atStart } from './start.js'

/** Who started this process and takes its end for the end of the service. */
export interface Launcher {
  /** Who it is, why an upgrade would be an outage, and what to do instead. */
  readonly why: string
  /** By which it restarts the app: they are left to do what they do to any process. */
  readonly signals: readonly NodeJS.Signals[]
}

/** Ends with its only child, and hands on nothing else of it. */
type Wrapper = (words: readonly string[]) => boolean

const shells = ['sh', 'bash', 'dash', 'ash', 'busybox']
const inits = ['tini', 'tini-static', 'dumb-init', 'docker-init', 'catatonit']
const runners = ['npm', 'npx', 'pnpm', 'yarn']

const wrappers: readonly Wrapper[] = [
  // `sh -c 'node app.js'`, where the shell does not exec.
  (words) => shells.includes(nameOf(words)) && words.some((word) => /^-[a-z]*c$/.test(word)),
  (words) => inits.includes(nameOf(words)),
  // npm makes one text of its command line: "npm start".
  (words) => runners.includes(nameOf(words.join(' ').split(' '))),
  (words) => nameOf(words) === 'node' && runners.includes(scriptOf(words)),
  isTsx,
]

interface Known {
  readonly name: string
  readonly is: (words: readonly string[]) => boolean
  readonly why: string
  readonly signals?: readonly NodeJS.Signals[]
}

const watches =
  'it would take the end of this process for the end of the app: let it restart the app'

const known: readonly Known[] = [
  {
    name: 'pm2',
    is: ([first = '']) => /^PM2 v/.test(first),
    why:
      'it would start another copy beside the successor when this process ends: use `pm2 reload` ' +
      'with `-i 1` or more (cluster mode), or start the app without pm2',
  },
  {
    name: 'nodemon',
    is: (words) => nameOf(words) === 'nodemon' || scriptOf(words) === 'nodemon',
    why: watches,
    signals: ['SIGUSR2'],
  },
  {
    name: 'node --watch',
    is: (words) => nameOf(words) === 'node' && optionsOf(words).some((one) => /^--watch/.test(one)),
    why: watches,
  },
  {
    name: 'tsx watch',
    is: (words) => isTsx(words) && words.includes('watch'),
    why: watches,
  },
]

/**
 * Who waits for this process, among those that started it: a process manager, a watcher, or a
 * container whose first process ends with ours.
 */
export function launcherAmong(chain: readonly Ancestor[]): Launcher | undefined {
  for (const { pid, words, leadsTerminal: leads } of chain) {
    const found = known.find(({ is }) => is(words))
    if (found)
      return { why: `started by ${found.name}: ${found.why}`, signals: found.signals ?? [] }
    if (!isWrapper(words)) return undefined
    if (pid === 1) return containerOf(words)
    if (leads) return terminalOf(`${shorten(words)}, which ends with this process`)
  }
  return undefined
}

function isWrapper(words: readonly string[]): boolean {
  return wrappers.some((is) => is(words))
}

function shorten(words: readonly string[]): string {
  return words.join(' ').slice(0, 60)
}

function containerOf(words: readonly string[]): Launcher {
  return {
    why:
      `pid 1 (${shorten(words)}) ends with this process, and the container and the successor with it: replace ` +
      'the container, or start the app from a first process that outlives its child',
    signals: [],
  }
}

function nameOf([command = '']: readonly string[]): string {
  return basename(command)
}

/** What stands before the script: node's own options. */
function optionsOf([, ...rest]: readonly string[]): readonly string[] {
  const script = rest.findIndex((word) => !word.startsWith('-'))
  return script < 0 ? rest : rest.slice(0, script)
}

/** `node /usr/lib/node_modules/nodemon/bin/nodemon.js app.js`: nodemon; npm's is `npm-cli.js`. */
function scriptOf(words: readonly string[]): string {
  if (nameOf(words) !== 'node') return ''
  return basename(pathOf(words)).replace(/(-cli)?\.[cm]?js$/, '')
}

function pathOf(words: readonly string[]): string {
  return words.slice(1).find((word) => !word.startsWith('-')) ?? ''
}

/** It runs the app as a child of its own. */
function isTsx(words: readonly string[]): boolean {
  return nameOf(words) === 'tsx' || /(^|\/)tsx(\/|$)/.test(pathOf(words))
}

/**
 * Whoever forked this process with an IPC channel talks to it and waits for it; not a mere wrapper, such
 * as tsx.
 */
export function forkerOf(chain: readonly Ancestor[], hasChannel: boolean): Launcher | undefined {
  const [parent] = chain
  if (!hasChannel || (parent && isWrapper(parent.words))) return undefined
  const name = parent ? `${shorten(parent.words)} (pid ${parent.pid})` : 'its parent'
  return {
    why:
      `forked by ${name} with an IPC channel, which a successor cannot have, and whose end it would ` +
      'take for the end of the app: let it restart the app, or start the app by itself',
    signals: [],
  }
}

/** `script -c`, `ssh -t host node app.js`, `docker run -t`: the terminal was opened for us. */
function terminalOf(leader: string): Launcher {
  return {
    why:
      `the session of this terminal is led by ${leader}; its end would hang the terminal up on the ` +
      'successor: start the app from a shell that stays, or without a terminal',
    signals: [],
  }
}

function launcherOfThis(): Launcher | undefined {
  // Its parent of the start is gone: nobody waits for this process.
  const isLeft = process.ppid !== atStart.parent
  const chain = isLeft ? [] : ancestors()
  const found = launcherAmong(chain) ?? forkerOf(chain, atStart.hasChannel)
  return found ?? (leadsTerminal() ? terminalOf('this process itself') : undefined)
}

/** Asked at the start: whoever started us is our parent then. */
const started = launcherOfThis()

/** Who started this process, if that waits for it. A successor has nobody who does. */
export function launcher(): Launcher | undefined {
  return started
}
