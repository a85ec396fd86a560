// What the specs use of Koa, which brings no types of its own.
declare module 'koa' {
  import type { IncomingMessage, Server, ServerResponse } from 'node:http'
  export default class Koa {
    use(middleware: (context: never, next: never) => unknown): this
    callback(): (request: IncomingMessage, response: ServerResponse) => Promise<void>
    listen(...args: unknown[]): Server
  }
}
declare module 'koa-2-first' {
  export { default } from 'koa'
}
declare module 'koa-2-last' {
  export { default } from 'koa'
}
declare module 'koa-3-first' {
  export { default } from 'koa'
}
