// What the tests use of the ws package, which has no types of its own.
declare module 'ws' {
  import type { EventEmitter } from 'node:events'
  export class WebSocket extends EventEmitter {
    constructor(address: string)
    send(text: string): void
    close(code?: number): void
  }
}
