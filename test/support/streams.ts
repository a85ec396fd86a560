import { once } from 'node:events'
import { Agent, type IncomingMessage, request } from 'node:http'

interface Told {
  readonly n?: number
  readonly pid?: number
  readonly text?: string
}

/** A client of server-sent events that never comes back: what ends, or is out of order, is a fault. */
export class StreamClient {
  readonly pids: number[] = []
  /** What was said to all. */
  readonly heard: string[] = []
  readonly faults: string[] = []
  last = 0
  isOpen = true
  readonly response: IncomingMessage
  readonly #agent: Agent
  #text = ''

  private constructor(response: IncomingMessage, agent: Agent) {
    this.response = response
    this.#agent = agent
    response.setEncoding('utf8').on('data', (text: string) => this.#read(text))
    response.on('end', () => this.#ended('ended'))
    response.on('error', (error: NodeJS.ErrnoException) => this.#ended(`failed: ${error.code}`))
  }

  static async open(port: number, path = '/events'): Promise<StreamClient> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const asked = request({ port, host: '127.0.0.1', path, agent }).end()
    const [response] = (await once(asked, 'response')) as [IncomingMessage]
    return new StreamClient(response, agent)
  }

  /** The processes that it was served by, each once. */
  get servedBy(): number[] {
    return [...new Set(this.pids)]
  }

  end(): void {
    this.isOpen = false
    this.response.destroy()
    this.#agent.destroy()
  }

  #read(text: string): void {
    const events = (this.#text + text).split('\n\n')
    this.#text = events.pop() ?? ''
    for (const event of events) this.#hear(JSON.parse(event.replace(/^data: /, '')) as Told)
  }

  #hear({ n, pid, text }: Told): void {
    if (text !== undefined) return void this.heard.push(text)
    if (n !== this.last + 1) this.faults.push(`${n} came after ${this.last}`)
    this.last = n ?? 0
    if (pid !== undefined) this.pids.push(pid)
  }

  #ended(how: string): void {
    if (this.isOpen) this.faults.push(how)
    this.isOpen = false
  }
}
