import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ControlClient } from '@endlessjs/core/control'
import { expect, onTestFinished, test } from 'vitest'
import { kill } from './support/processes.js'
import { temporaryDirectory } from './support/service.js'

/** A process that answers at the path, and has nothing else to do. */
function answering(path: string, unref: boolean): ChildProcess {
  const script = `
    const { ControlServer } = require('@endlessjs/core/control')
    const server = new ControlServer((command) => {
      if (command === 'stop') setImmediate(() => server.close())
      return command === 'hang' ? new Promise(() => {}) : Promise.resolve('fine')
    })
    if (${unref}) server.unref()
    process.stdin.resume()
    server.listen(${JSON.stringify(path)}).then(() => console.log('listening'))`
  const child = spawn(process.execPath, ['-e', script], {
    cwd: import.meta.dirname,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  onTestFinished(() => kill(child.pid ?? -1))
  return child
}

function socketPath(): string {
  const directory = temporaryDirectory()
  onTestFinished(() => rmSync(directory, { recursive: true }))
  return join(directory, 'a.sock')
}

test('where asked, it keeps no process alive: neither by listening, nor by a client that waits', async () => {
  const path = socketPath()
  const child = answering(path, true)
  const exited = once(child, 'exit')
  await once(child.stdout ?? child, 'data')
  const client = await ControlClient.connect(path)
  const waiting = client.request('hang')
  const rejected = expect(waiting).rejects.toMatchObject({ code: 'ERR_ENDLESS_CONTROL' })
  expect(await client.request('status')).toBe('fine')
  child.stdin?.end()
  expect(await exited).toEqual([0, null])
  await rejected
})

test('else it does, until it closes', async () => {
  const path = socketPath()
  const child = answering(path, false)
  const exited = once(child, 'exit')
  await once(child.stdout ?? child, 'data')
  child.stdin?.end()
  const client = await ControlClient.connect(path)
  expect(await client.request('stop')).toBe('fine')
  expect(await exited).toEqual([0, null])
  expect(existsSync(path)).toBe(false)
})

test('a service that was killed leaves a socket that the next one replaces', async () => {
  const path = socketPath()
  const first = answering(path, false)
  await once(first.stdout ?? first, 'data')
  const died = once(first, 'exit')
  kill(first.pid ?? -1)
  await died
  expect(existsSync(path)).toBe(true)
  await expect(ControlClient.connect(path)).rejects.toMatchObject({
    code: 'ERR_ENDLESS_NO_SERVICE',
  })
  const second = answering(path, false)
  await once(second.stdout ?? second, 'data')
  const client = await ControlClient.connect(path)
  expect(await client.request('stop')).toBe('fine')
})
