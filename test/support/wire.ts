import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { generate, type Packet, parser } from 'mqtt-packet'

/** A connection that says MQTT's packets one by one, and answers nothing by itself. */
export class Wire {
  readonly socket: Socket
  readonly packets: Packet[] = []
  readonly #told: Set<() => void> = new Set()

  private constructor(socket: Socket) {
    this.socket = socket
    const reader = parser({ protocolVersion: 4 })
    reader.on('packet', (packet) => {
      this.packets.push(packet)
      for (const told of this.#told) told()
    })
    socket.on('data', (bytes) => reader.parse(bytes))
    socket.on('error', () => {})
    socket.on('close', () => {
      for (const told of this.#told) told()
    })
  }

  static async connect(port: number, clientId: string, clean = true): Promise<Wire> {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    const wire = new Wire(socket)
    wire.say({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clientId, clean })
    await wire.until('connack')
    return wire
  }

  say(packet: Packet): void {
    this.socket.write(generate(packet))
  }

  /** The nth packet of that kind, now or later; rejects where the connection ends before. */
  async until<Cmd extends Packet['cmd']>(cmd: Cmd, n = 1): Promise<Extract<Packet, { cmd: Cmd }>> {
    for (;;) {
      const found = this.packets.filter((one) => one.cmd === cmd)[n - 1]
      if (found) return found as Extract<Packet, { cmd: Cmd }>
      if (this.socket.destroyed) throw new Error(`closed before ${cmd} ${n}`)
      await new Promise<void>((resolve) => {
        const told = (): void => {
          this.#told.delete(told)
          resolve()
        }
        this.#told.add(told)
      })
    }
  }

  get isOpen(): boolean {
    return this.socket.readyState === 'open'
  }
}
