import { Client } from './client.js'
import { Ledger } from './ledger.js'
import { seeded } from './random.js'
import type { Failure, Load, LoadOptions, Reply, RequestOptions } from './types.js'

export type {
  Failure,
  Load,
  LoadOptions,
  Mode,
  Reply,
  Report,
  RequestOptions,
  Target,
} from './types.js'

/** Unlike any other in this process, so that ids are, whichever load they come from. */
let clients = 0

/** Starts at once. */
export function load(options: LoadOptions): Load {
  const { connections, together, seed = 1, ...rest } = options
  const ledger = new Ledger()
  const crew = Array.from({ length: connections }, (_, i) => {
    clients += 1
    return new Client(clients, rest, ledger, seeded(seed * 65_537 + i))
  })
  const all = together && barrier(connections)
  const done = Promise.all(crew.map((client) => client.run(all?.arrive))).finally(() =>
    ledger.close(),
  )
  return {
    get report() {
      return ledger.report()
    },
    async stop() {
      for (const client of crew) client.stop()
      all?.open()
      await done
      return ledger.report()
    },
    progress: (count) => ledger.progress(count),
  }
}

/** Where so many wait for each other. */
function barrier(count: number): { arrive: () => Promise<void>; open: () => void } {
  let open: () => void = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  let waiting = 0
  const arrive = (): Promise<void> => {
    waiting += 1
    if (waiting === count) open()
    return opened
  }
  return { arrive, open }
}

export class RequestError extends Error {
  readonly kind: Failure
  /** The complete response, if it is what failed. */
  readonly reply: Reply | undefined

  constructor(failure: { kind: Failure; sample: string }, reply: Reply | undefined) {
    super(failure.sample)
    this.name = 'RequestError'
    this.kind = failure.kind
    this.reply = reply
  }
}

/** A single strict request on a connection of its own; rejects with a RequestError. */
export async function request(options: RequestOptions): Promise<Reply> {
  clients += 1
  const plan = { ...options, mode: 'new-connection' } as const
  const [exchange] = await new Client(clients, plan, new Ledger(), seeded(clients)).turn()
  if (exchange?.failure) throw new RequestError(exchange.failure, exchange.reply)
  if (!exchange?.reply) throw new Error('the request has ended in no bucket')
  return exchange.reply
}
