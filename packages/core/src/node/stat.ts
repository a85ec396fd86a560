/**
 * What stands at a path or an fd, asked without a trace. Node's own `realpathSync`, by which `require`
 * resolves links, looks at the numbers that the last `stat` of anybody left behind: where that was of a
 * socket or a pipe, it stops at a link, and a linked package has no dependencies any more. Numbers that
 * are asked for as bigints are left elsewhere.
 */
import { type BigIntStats, fstatSync, lstatSync, statSync } from 'node:fs'

const options = { bigint: true, throwIfNoEntry: false } as const

/** A link as such; undefined where there is nothing. */
export function lstatOf(path: string): BigIntStats | undefined {
  return lstatSync(path, options)
}

/** What a path leads to; undefined where there is nothing. */
export function statOf(path: string): BigIntStats | undefined {
  return statSync(path, options)
}

/** The inode of what a path leads to; undefined where there is nothing. */
export function inodeAt(path: string): number | undefined {
  const found = statOf(path)
  return found && Number(found.ino)
}

/** When a file was written last, as `Date.now()` counts; undefined where there is nothing. */
export function changedAt(path: string): number | undefined {
  const found = statOf(path)
  return found && Number(found.mtimeMs)
}

/** The permission bits. */
export function modeOf(path: string): number {
  return Number(statSync(path, { bigint: true }).mode) & 0o777
}

/** Whether an fd is a socket: what inherited only the environment has something else there. */
export function isSocket(fd: number): boolean {
  try {
    return fstatSync(fd, { bigint: true }).isSocket()
  } catch {
    return false
  }
}
