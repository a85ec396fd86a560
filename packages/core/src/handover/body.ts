import type { ChildProcess } from 'node:child_process'
import { signalChild } from '../node/index.js'
import { saysFd } from './handover.js'

/** How a process ended. */
export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A process that others end: a child of ours, or one that a supervisor has spawned. */
export interface Body {
  readonly pid: number
  /** Settles when all that it has said was heard. */
  readonly exited: Promise<Exit>
  signal(signal: NodeJS.Signals): void
}

/** @param child one that was spawned, whose pid is known */
export function bodyOf(child: ChildProcess, pid: number): Body {
  // A signal that could not be sent: whether it lives, its exit tells.
  child.on('error', () => {})
  child.unref()
  return {
    pid,
    exited: new Promise((resolve) => {
      child.once('exit', async (code, signal) => {
        // Not yet: that may come before the last messages were read, 'stopping' among them. And not 'close':
        // its stdout may live on in children of its own.
        await Promise.all(child.stdio.slice(saysFd).map(closed))
        resolve({ code, signal })
      })
    }),
    signal: (signal) => void signalChild(child, signal),
  }
}

function closed(stream: ChildProcess['stdio'][number] | undefined): Promise<void> | undefined {
  if (!stream || stream.closed) return undefined
  // Not by once() of 'events': a process that dies with words unread resets its pipes, and an 'error' comes first.
  return new Promise((resolve) => {
    stream.once('close', () => resolve())
  })
}
