import { createServer, type Server } from 'node:net'

/** Kept by name: the preload of an app may be of another copy of this package than what the app itself loads. */
const mark = Symbol.for('@endlessjs/core:control')

/** A server for a control socket, which whoever looks at all servers of a process can tell from those of the app. */
export function controlListener(): Server {
  const server = createServer()
  Reflect.set(server, mark, true)
  return server
}

/** Whether it is no server of the app. */
export function isControlListener(server: Server): boolean {
  return Reflect.has(server, mark)
}
