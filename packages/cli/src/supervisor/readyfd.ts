import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeSync,
} from 'node:fs'
import { messageOf } from '@endlessjs/core/fleet'
import type { Voice } from './voice.js'

/** Whoever started us reads it, and hears that all serve (s6 calls it the notification fd). */
export class ReadyFd {
  readonly #fd: number
  readonly #voice: Voice

  /** @param fd as `isReadyFd` found it */
  constructor(fd: number, voice: Voice) {
    this.#fd = ownOf(fd)
    this.#voice = voice
  }

  /** All serve, for the first time. */
  ready(): void {
    try {
      writeSync(this.#fd, '\n')
    } catch (error) {
      this.#voice.complain(`Nobody heard on fd ${this.#fd} that all serve: ${messageOf(error)}`)
    }
    closeSync(this.#fd)
  }
}

/** Whether somebody has left it open for us, to write to it. */
export function isReadyFd(fd: number): boolean {
  // What is on stdio is the workers', too.
  if (fd < 3) return false
  try {
    const found = fstatSync(fd)
    const isWritten = found.isFIFO() || found.isSocket() || found.isFile()
    return isWritten && isWritable(fd) && !isNodes(fd)
  } catch {
    return false
  }
}

/** Node closes at an exec what it was started with, but not above fd 15 where one below is free: a new one it does. */
function ownOf(fd: number): number {
  try {
    // A reader that has gone would be waited for.
    const own = openSync(
      `/dev/fd/${fd}`,
      constants.O_WRONLY | constants.O_APPEND | constants.O_NONBLOCK,
    )
    closeSync(fd)
    return own
  } catch {
    // A socket, or another user's pipe.
    return fd
  }
}

function isWritable(fd: number): boolean {
  if (process.platform !== 'linux') return true
  const [, flags = '0'] =
    /^flags:\s+(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')) ?? []
  return (Number.parseInt(flags, 8) & (constants.O_WRONLY | constants.O_RDWR)) !== 0
}

/** Node talks to itself by pipes, at low numbers: both ends of them are here. */
function isNodes(fd: number): boolean {
  if (process.platform !== 'linux') return false
  const target = readlinkSync(`/proc/self/fd/${fd}`)
  const others = readdirSync('/proc/self/fd').filter((one) => Number(one) > 2 && Number(one) !== fd)
  return (
    others.some((one) => linkOf(`/proc/self/fd/${one}`) === target) && target.startsWith('pipe:')
  )
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch {
    // The one that listed them.
    return undefined
  }
}
