/** A place for a control socket, and clients that say what they like. */
import { once } from 'node:events'
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { onTestFinished } from 'vitest'

/** A directory of the test's own, of this user alone. */
export function place(): string {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'endless-control-')))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** A promise that the test settles: Node 20 has no `Promise.withResolvers`. */
export function later<T>(): { readonly promise: Promise<T>; resolve(value: T): void } {
  let resolve: (value: T) => void = () => {}
  const promise = new Promise<T>((done) => {
    resolve = done
  })
  return { promise, resolve: (value) => resolve(value) }
}

/** A client without manners: bytes out, lines in. */
export class Rude {
  readonly socket: Socket
  readonly #lines: AsyncIterator<string>

  private constructor(socket: Socket) {
    this.socket = socket
    // Cut off is what some tests are about.
    socket.on('error', () => {})
    this.#lines = createInterface({ input: socket })[Symbol.asyncIterator]()
    onTestFinished(() => void socket.destroy())
  }

  static async connect(path: string): Promise<Rude> {
    const socket = connect(path)
    await once(socket, 'connect')
    return new Rude(socket)
  }

  say(text: string): void {
    this.socket.write(text)
  }

  ask(request: object): void {
    this.say(`${JSON.stringify({ endless: 1, ...request })}\n`)
  }

  /** The next line of the server. */
  async hear(): Promise<unknown> {
    const { value, done } = await this.#lines.next()
    if (done) throw new Error('expected a line, got the end')
    return JSON.parse(value)
  }
}
