import type { ChildProcess } from 'node:child_process'
import { EventEmitter } from 'node:events'
import { PassThrough } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { bodyOf } from './body.js'

test('it is gone when all that it had said was heard, and not before', async () => {
  const [stdout, says] = [new PassThrough(), new PassThrough()]
  const stdio = [null, stdout, null, says]
  const child = Object.assign(new EventEmitter(), { stdio, unref: () => {} })
  const heard = vi.fn()
  const { exited } = bodyOf(child as unknown as ChildProcess, 7)
  void exited.then(heard)
  child.emit('exit', 1, null)
  await turn()
  expect(heard).not.toHaveBeenCalled()
  // Its stdout lives on, in a child of its own.
  says.destroy()
  expect(await exited).toEqual({ code: 1, signal: null })
})

test('also where a pipe was reset, because it died with words unread', async () => {
  const says = new PassThrough().on('error', () => {})
  const stdio = [null, null, null, says]
  const child = Object.assign(new EventEmitter(), { stdio, unref: () => {} })
  const { exited } = bodyOf(child as unknown as ChildProcess, 7)
  child.emit('exit', 0, null)
  await turn()
  says.destroy(new Error('read ECONNRESET'))
  expect(await exited).toEqual({ code: 0, signal: null })
})
