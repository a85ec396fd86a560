import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { Direction } from './deflated.js'
import type { Echo } from './echo.js'
import { type Frame, FrameReader, frame, opcodes, reasonOf } from './frames.js'
import { get } from './raw.js'
import { within } from './service.js'

/** What a client says at once, and what it waits for then. */
export interface Step {
  readonly says: Buffer
  /** How many frames are the answer. */
  readonly hears: number
  /** Whether the connection is between two messages then, `half` in one or closing, or `over`. */
  readonly state: 'still' | 'half' | 'over'
}

/** What a client says, whatever is heard. */
export interface Script {
  readonly name: string
  /** Extensions that it asks for. */
  readonly offer?: string
  readonly steps: readonly Step[]
}

let count = 0

/** A client that plays a script, and writes down all that it hears. */
export class Player {
  /** What it heard, and how it ended. */
  readonly heard: string[] = []
  readonly #name: string
  readonly #script: Script
  readonly #echo: Echo
  readonly #socket: Socket
  readonly #reader = new FrameReader()
  #server = new Direction()
  #frames = 0
  #said = 0
  /** At how many upgrades one after the other. */
  #stays = 0
  #state: Step['state'] = 'still'
  #changed: () => void = () => {}

  private constructor(script: Script, echo: Echo, socket: Socket) {
    count += 1
    this.#name = `${count}`
    this.#script = script
    this.#echo = echo
    this.#socket = socket
  }

  static async connect(script: Script, echo: Echo): Promise<Player> {
    const socket = connect({ port: echo.port(), host: '127.0.0.1', allowHalfOpen: true })
    socket.setNoDelay(true)
    await once(socket, 'connect')
    const player = new Player(script, echo, socket)
    await player.#shakeHands()
    return player
  }

  get script(): Script {
    return this.#script
  }

  /** The process that has it. */
  get pid(): number {
    return this.#echo.placeOf(this.#name).pid
  }

  /** As of the step that was played last. */
  get state(): Step['state'] {
    return this.#state
  }

  /** There was an upgrade at which it had to stay. */
  stay(): void {
    this.#stays += 1
  }

  /**
   * Settles when it is with the newest generation, where it can get there: it is between two messages, and who has it
   * is no older than that one's predecessor, to which it would have to go first.
   */
  async settle(): Promise<void> {
    if (this.#state !== 'still' || this.#stays > 1) return
    const { current } = this.#echo
    await this.#echo.untilAt(this.#name, ({ pid }) => pid === current)
    this.#stays = 0
  }

  /** The nth step, where there is one: settles when its answer was heard, and what was said was read. */
  async play(n: number): Promise<void> {
    const step = this.#script.steps[n]
    if (!step) return
    await this.#play(step)
    await this.settle()
  }

  async #play({ says, hears, state }: Step): Promise<void> {
    this.#socket.write(says)
    this.#said += says.length
    const all = this.#frames + hears
    await this.#until(() => this.#frames >= all, `${hears} frames`)
    if (state !== 'over') await this.#echo.untilAt(this.#name, ({ read }) => read >= this.#said)
    this.#state = state
    if (state === 'over') await this.#finish()
  }

  /** Closes in order what its script has left open. */
  async end(): Promise<void> {
    if (this.#state === 'over') return
    await this.#play({ says: frame(opcodes.close, reasonOf(1_000)), hears: 1, state: 'over' })
  }

  kill(): void {
    this.#socket.destroy()
  }

  async #finish(): Promise<void> {
    await this.#until(() => this.#socket.readableEnded || this.#socket.destroyed, 'the end')
    this.heard.push(this.#socket.readableEnded ? 'FIN' : 'RST')
    this.#socket.destroy()
    const { left } = await this.#echo.untilAt(this.#name, (place) => place.left.length > 0)
    this.heard.push(`'close' over there: ${left.join(', ')}`)
  }

  async #shakeHands(): Promise<void> {
    const { offer } = this.#script
    const lines = [
      get(`/${this.#name}`).trimEnd(),
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
      ...(offer === undefined ? [] : [`Sec-WebSocket-Extensions: ${offer}`]),
    ]
    this.#socket.on('data', (bytes) => this.#hear(bytes))
    for (const event of ['end', 'error', 'close'])
      this.#socket.on(event, () => {
        this.#changed()
      })
    this.#socket.write(`${lines.join('\r\n')}\r\n\r\n`)
    await this.#until(() => this.heard.length > 0, 'the handshake')
    await this.#echo.untilAt(this.#name, ({ pid }) => pid !== -1)
  }

  #hear(bytes: Buffer): void {
    const isHead = this.heard.length === 0
    const end = isHead ? bytes.indexOf('\r\n\r\n') + 4 : 0
    if (isHead) this.#agree(bytes.subarray(0, end).toString())
    for (const one of this.#reader.read(bytes.subarray(end))) {
      this.#frames += 1
      this.heard.push(this.#told(one))
    }
    this.#changed()
  }

  #agree(head: string): void {
    this.heard.push(head)
    const bits = /server_max_window_bits=(\d+)/.exec(head)?.[1]
    this.#server = new Direction({
      takeover: !head.includes('server_no_context_takeover'),
      windowBits: Number(bits ?? 15),
    })
  }

  /** A frame in words; what was deflated by what it was, for that is what has to be the same. */
  #told({ fin, rsv, opcode, payload }: Frame): string {
    const isDeflated = (rsv & 4) !== 0
    const bytes = isDeflated ? this.#server.inflate(payload) : payload
    const hash = createHash('sha1').update(bytes).digest('hex')
    const text = bytes.length < 64 ? bytes.toString('latin1') : hash
    return `opcode ${opcode}, fin ${fin}, rsv ${rsv}, ${bytes.length} bytes: ${text}`
  }

  #until(isSo: () => boolean, what: string): Promise<void> {
    const told = (): string => [this.#script.name, ...this.heard, this.#echo.stderr].join('\n')
    const so = new Promise<void>((resolve, reject) => {
      this.#changed = () => {
        if (isSo()) resolve()
        else if (this.#socket.readableEnded || this.#socket.destroyed)
          reject(new Error(`closed before ${what}\n${told()}`))
      }
      this.#changed()
    })
    return within(so, what, told)
  }
}
