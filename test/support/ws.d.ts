// What the tests use of the ws package, which has no types of its own.
declare module 'ws' {
  import type { EventEmitter } from 'node:events'
  import type { Server } from 'node:http'
  export class WebSocket extends EventEmitter {
    constructor(address: string)
    send(text: string): void
    close(code?: number): void
  }
  export class WebSocketServer extends EventEmitter {
    constructor(options: { server: Server })
    on(event: 'connection', listener: (socket: WebSocket) => void): this
  }
}
