import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { type Contender, contenders } from './contenders/index.js'
import { type LatencyCase, latencyCases } from './latency.js'
import { type SocketsCase, socketsCases } from './sockets/index.js'
import { type Pair, pairs } from './throughput.js'
import { type RatesCase, type ReloadsCase, ratesCases, reloadsCases } from './workers/index.js'

const home = join(import.meta.dirname, '../results')

const names: readonly string[] = [...contenders, ...pairs].map(({ name }) => name)
const parts: readonly string[] = ['cost', 'latency', 'workers', 'sockets']

export const help: string = `Usage: npm run bench -- [cost | latency | workers | sockets] [options]

Upgrades under load, and throughput, side by side. Writes latest.md, latest.svg and
latest.csv (each answer, failure and signal).

  cost           instead: what endless does for each request, in ns, about 30 s; and in
                 instructions over real sockets, where valgrind is, 10 min more
  latency        instead: what clients see of deploys, per framework, at half load and
                 pipelined, and how long a successor takes to start, about 4 min
  workers        instead: two workers of endless, node:cluster and pm2 on full load, and their
                 reloads, about 5 min; Linux
  sockets        instead: what 500 WebSocket clients see of deploys by endless and by pm2, about a minute
  --proof        instead: each kind of request for itself, against each way to upgrade
  --quick        short rounds, about a minute in all: shows that it runs, and little more
  --only <name>  only this one; may be given several times:
                 ${contenders.map(({ name }) => name).join(', ')};
                 ${pairs.map(({ name }) => name).join(', ')}
  --out <dir>    where to write (bench/results)
  --help         this text
`

/** What to run, and how. */
export interface Flags {
  readonly help: boolean
  readonly quick: boolean
  readonly proof: boolean
  readonly cost: boolean
  readonly latencies: readonly LatencyCase[]
  readonly rates: readonly RatesCase[]
  readonly reloads: readonly ReloadsCase[]
  readonly sockets: readonly SocketsCase[]
  /** By `--only`: what cannot be had here, was asked for. */
  readonly isNamed: boolean
  readonly out: string
  readonly contenders: readonly Contender[]
  readonly pairs: readonly Pair[]
}

/** @throws for what is no flag, and for an unknown name */
export function parseFlags(args: readonly string[]): Flags {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      proof: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true },
      out: { type: 'string', default: home },
      help: { type: 'boolean', default: false },
    },
  })
  const { quick, proof, only = names, out, help } = values
  const unknown = only.filter((name) => !names.includes(name))
  if (unknown.length > 0)
    throw new Error(`--only ${unknown.join(' ')}: there are ${names.join(', ')}`)
  const strange = positionals.filter((one) => !parts.includes(one))
  if (strange.length > 0) throw new Error(`${strange.join(' ')}: there are ${parts.join(', ')}`)
  const isAsked = ({ name }: { name: string }): boolean => only.includes(name)
  return {
    help,
    quick,
    proof,
    isNamed: values.only !== undefined,
    cost: positionals.includes('cost'),
    rates: positionals.includes('workers') ? ratesCases : [],
    reloads: positionals.includes('workers') ? reloadsCases : [],
    sockets: positionals.includes('sockets') ? socketsCases : [],
    latencies: positionals.includes('latency') ? latencyCases : [],
    out: resolve(out),
    contenders: contenders.filter(isAsked),
    pairs: pairs.filter(isAsked),
  }
}
