import type { ConnectionOptions } from 'node:tls'

export type Mode =
  | 'keep-alive'
  | 'new-connection'
  | 'two-segments'
  | 'pipelined'
  | 'chunked'
  | 'expect-continue'

export type Target = { port: number; host?: string } | { path: string }

export interface LoadOptions {
  /** `host` defaults to 127.0.0.1. */
  target: Target
  /** When given, TLS. */
  tls?: ConnectionOptions
  /** Concurrent clients, each of them a loop with at most one connection. */
  connections: number
  mode?: Mode
  method?: string
  /** `n` counts the requests of this load from 1, and is the end of the request's id. */
  url?: string | ((n: number) => string)
  body?: Buffer | string | ((n: number) => Buffer)
  /**
   * Nobody asks a second time before all were answered once. A server that is kept busy takes its
   * new connections one per turn of its event loop, so that the last of many would wait for long.
   */
  together?: true
  /** Milliseconds between a response and the next request. */
  thinkTime?: number | [min: number, max: number]
  seed?: number
  /** Requests per batch in mode 'pipelined'. */
  pipeline?: number
  /** Milliseconds for one request, connecting included. */
  timeout?: number
  /** Returns a text to count a complete 200 as 'wrong'; throwing does the same. */
  check?: (response: Reply) => string | undefined
  /** Called for each complete response, whatever its status; with its failure, if it is one. */
  onReply?: (response: Reply, failure: Failure | undefined) => void
  /** Called for each request that fails, when it fails. */
  onFailure?: (failure: Failure) => void
}

export type RequestOptions = Omit<
  LoadOptions,
  'connections' | 'together' | 'mode' | 'thinkTime' | 'seed' | 'pipeline' | 'onReply' | 'onFailure'
>

export interface Reply {
  status: number
  headers: Record<string, string>
  body: Buffer
  id: string
  /** Which of the sockets this load has opened, counted from 1. */
  connection: number
  /** Milliseconds from the start of the request, connecting included. */
  latency: number
}

export type Failure = 'refused' | 'reset' | 'cut' | 'status' | 'timeout' | 'wrong'

export interface Report {
  sent: number
  ok: number
  failures: Record<Failure, number>
  failed: number
  /** The first 20 failures, one line each. */
  samples: string[]
  connections: number
  reconnects: number
  closedIdle: number
  /** Of the complete responses, in milliseconds. */
  latencies: { p50: number; p99: number; p999: number; max: number }
}

export interface Load {
  /** A snapshot: while the load runs, `sent - ok - failed` requests are under way. */
  readonly report: Report
  /** Starts no further request, waits for those under way, then closes the sockets. */
  stop(): Promise<Report>
  /** Resolves after `count` further complete responses; rejects if the load stops before. */
  progress(count: number): Promise<void>
}
