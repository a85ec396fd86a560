import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** A raw connection, and all that came on it. */
export class Raw {
  readonly socket: Socket
  text = ''

  private constructor(socket: Socket) {
    this.socket = socket
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      this.text += chunk
    })
    // A test that expects a reset looks at what came before it.
    socket.on('error', () => {})
  }

  /** @param target a port, or the path of a Unix socket */
  static async open(target: number | string, host = '127.0.0.1'): Promise<Raw> {
    const socket = typeof target === 'string' ? connect(target) : connect(target, host)
    await once(socket, 'connect')
    return new Raw(socket)
  }

  write(text: string): void {
    this.socket.write(text)
  }

  /** Settles when what came so far satisfies the condition, or the connection ends. */
  until(condition: (text: string) => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!condition(this.text) && !this.socket.destroyed) return
        this.socket.off('data', look).off('close', look)
        resolve()
      }
      this.socket.on('data', look).on('close', look)
      look()
    })
  }

  async closed(): Promise<void> {
    await closed(this.socket)
  }
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) resolve()
    else socket.once('close', () => resolve())
  })
}

/** A request without a body, as it goes over the wire. */
export const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`
