import type { ServerResponse } from 'node:http'
import { EndlessError } from '../errors.js'
import {
  framingOf,
  headOf,
  headWrittenOf,
  isBetweenWrites,
  isEncoded,
  isPlainHttp,
  partFromSocket,
  partsFromSocket,
  serverOf,
} from '../node/index.js'

/** A response in progress that may go on in the successor. */
export class Answering {
  readonly #response: ServerResponse
  readonly #before: string

  /** @param before what its client had of its head when it came here; empty where that was nothing */
  constructor(response: ServerResponse, before: string) {
    this.#response = response
    this.#before = before
  }

  /** Whether it can go on elsewhere from here. */
  get isStill(): boolean {
    return isBetweenWrites(this.#response)
  }

  /** That of its request. */
  get head(): string {
    return headOf(this.#response.req)
  }

  /** What its client has of its head; empty where that is nothing. Throws where nobody else can go on with it. */
  get framing(): string {
    const head = headWrittenOf(this.#response)
    // What this process would say of it is perhaps to come: its client has it all the same.
    if (head === undefined) return this.#before
    if (isEncoded(head))
      throw new EndlessError(
        'ERR_ENDLESS_CARRY',
        'carry(): expected a response that is not compressed, received one with Content-Encoding: what compresses it ' +
          'cannot move; leave it out for this one, as with Cache-Control: no-transform',
      )
    return framingOf(head)
  }

  /** The successor has it: what is still written goes nowhere. */
  part(): void {
    partFromSocket(this.#response, this.#response.req.socket)
  }
}

/** Throws where it cannot move. @returns whether there is a connection: a test may have injected the request */
export function checkAnswer({ req: request }: ServerResponse): boolean {
  const { headers, socket } = request
  const server = serverOf(socket)
  if (!server) return false
  if (!isPlainHttp(server))
    throw unsupported('a response of a node:http server', 'one of something else')
  const length = Number(headers['content-length'] ?? 0)
  // Nobody has it any more, and the successor's app would wait for it.
  if (length > 0 || headers['transfer-encoding'] !== undefined)
    throw unsupported('a request without a body', `${request.method} with one`)
  if (!partsFromSocket())
    throw unsupported('a Node whose responses can part from their socket', process.version)
  return true
}

function unsupported(expected: string, received: string): EndlessError {
  return new EndlessError(
    'ERR_ENDLESS_UNSUPPORTED',
    `carry(): expected ${expected}, received ${received}: this response stays and drains`,
  )
}
