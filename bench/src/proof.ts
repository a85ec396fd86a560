import type { Contender } from './contenders/index.js'
import type { Crew, Totals } from './traffic.js'
import { type TrialPlan, tryOut } from './trial.js'

/** One kind of request, sent by one kind of client. */
interface Kind {
  readonly sent: string
  readonly clients: string
  readonly crew: Crew
}

const kinds: readonly Kind[] = [
  {
    sent: 'keep-alive requests',
    clients: '100, a pause of 0 to 50 ms',
    crew: { connections: 100, thinkTime: [0, 50] },
  },
  {
    sent: 'a new connection for each request',
    clients: '20, a pause of 0 to 20 ms',
    crew: { mode: 'new-connection', connections: 20, thinkTime: [0, 20] },
  },
  {
    sent: 'requests in two segments, cut anywhere',
    clients: '100, a pause of 0 to 50 ms',
    crew: { mode: 'two-segments', connections: 100, thinkTime: [0, 50] },
  },
  {
    sent: '4 requests pipelined',
    clients: '50, a pause of 0 to 50 ms',
    crew: { mode: 'pipelined', connections: 50, thinkTime: [0, 50] },
  },
  {
    sent: 'chunked bodies',
    clients: '100, a pause of 0 to 50 ms',
    crew: { mode: 'chunked', connections: 100, thinkTime: [0, 50] },
  },
]

/** What one contender made of one kind of request. */
export interface Evidence {
  readonly kind: Kind
  readonly contender: string
  readonly totals: Totals
}

/** One kind of request for itself, under a contender that is upgraded. */
export interface Case {
  readonly title: string
  run(plan: TrialPlan, signal: AbortSignal): Promise<Evidence>
}

/** Every kind of request against every contender. */
export function casesOf(contenders: readonly Contender[]): Case[] {
  return kinds.flatMap((kind) =>
    contenders.map((contender) => ({
      title: `${kind.sent}, ${contender.title}`,
      run: async (plan, signal) => {
        const { title, totals } = await tryOut(contender, plan, signal, [kind.crew])
        return { kind, contender: title, totals }
      },
    })),
  )
}
