/** A control server that a test asks. */
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { ControlClient } from '../client.js'
import type { ControlHandler } from '../peer.js'
import { ControlServer } from '../server.js'
import { place } from './talking.js'

export interface Serving {
  readonly path: string
  readonly server: ControlServer
}

export async function serving(
  handle: ControlHandler,
  path: string = join(place(), 'a.sock'),
): Promise<Serving> {
  const server = await new ControlServer(handle).listen(path)
  onTestFinished(() => server.close())
  return { path, server }
}

export async function client(path: string): Promise<ControlClient> {
  const one = await ControlClient.connect(path)
  onTestFinished(() => one.close())
  return one
}

/** Answers with what it was asked. */
export const echo: ControlHandler = (command, args) => Promise.resolve({ command, args })
