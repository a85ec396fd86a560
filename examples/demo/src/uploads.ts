import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { json } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { setTimeout as delay } from 'node:timers/promises'
import type { Failure } from '@endlessjs/test/client'
import { Answers } from './answers.js'
import { noFailures, type Traffic } from './traffic.js'

const uploaders = 4
const timeout = 10_000
const chunk: Buffer = Buffer.alloc(32_768, 'upload ')
/** One every 100 ms: 1.0 to 2.0 s for a body. */
const chunkEvery = 100
const chunks = { least: 10, most: 20 }

/** Chunked bodies that take their time, each on a connection of its own. */
export class Uploads implements Traffic {
  readonly name = 'uploads'
  readonly enough = 8
  readonly answers: Answers = new Answers(this.name)
  readonly failures: Record<Failure, number> = noFailures()
  readonly samples: string[] = []
  readonly #port: number
  readonly #done: Promise<unknown>
  #begun = 0
  #stopping = false

  constructor(port: number) {
    this.#port = port
    this.#done = Promise.all(Array.from({ length: uploaders }, () => this.#run()))
  }

  async stop(): Promise<void> {
    this.#stopping = true
    await this.#done
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      const failed = await this.#upload()
      if (failed) await delay(chunkEvery)
    }
  }

  async #upload(): Promise<boolean> {
    this.#begun += 1
    const count = chunks.least + (this.#begun % (chunks.most - chunks.least + 1))
    let response: IncomingMessage | undefined
    try {
      const request = httpRequest({
        port: this.#port,
        method: 'POST',
        path: '/upload',
        headers: { 'content-type': 'application/octet-stream' },
        agent: false,
        signal: AbortSignal.timeout(timeout),
      })
      const answered = once(request, 'response')
      const [[head]] = await Promise.all([
        answered,
        pipeline(Readable.from(slowly(count)), request),
      ])
      response = head as IncomingMessage
      return this.#judge(response, await json(response), count * chunk.length)
    } catch (error) {
      return this.#fail(kindOf(error, response), `${error}`)
    }
  }

  #judge(response: IncomingMessage, answer: unknown, sent: number): boolean {
    this.answers.add(String(response.headers['x-version']))
    if (response.statusCode !== 200) return this.#fail('status', `status ${response.statusCode}`)
    const right = typeof answer === 'object' && answer && 'bytes' in answer && answer.bytes === sent
    return !right && this.#fail('wrong', `${JSON.stringify(answer)} for ${sent} bytes`)
  }

  #fail(kind: Failure, why: string): true {
    this.failures[kind] += 1
    if (this.samples.length < 20) this.samples.push(`${kind} upload ${this.#begun}: ${why}`)
    return true
  }
}

async function* slowly(count: number): AsyncGenerator<Buffer> {
  for (let n = 0; n < count; n++) {
    yield chunk
    await delay(chunkEvery)
  }
}

function kindOf(error: unknown, response: IncomingMessage | undefined): Failure {
  if (error instanceof SyntaxError) return 'wrong'
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'ECONNREFUSED') return 'refused'
  if (code === 'ABORT_ERR') return 'timeout'
  return response ? 'cut' : 'reset'
}
