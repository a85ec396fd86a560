import type { Socket } from 'node:net'
import type { SpawnPlan } from '../handover/index.js'
import type { ListenAddress } from '../node/index.js'
import type { Logger } from './logger.js'

/** Why a generation drains: its successor serves, or it was told to stop. */
export type DrainReason = 'upgraded' | 'shutdown'

/** What a signal does. */
export type SignalAction = 'upgrade' | 'hammer' | 'shutdown'

/** Which signal does what; a signal that is not named keeps its default. */
export type SignalMap = { readonly [signal in NodeJS.Signals]?: SignalAction }

/** A hook may be asynchronous: it is awaited. */
type Awaitable<T> = T | PromiseLike<T>

/** Runs before or after what a signal does. */
export type SignalHook = (signal: NodeJS.Signals) => Awaitable<void>

/** Signal hooks by signal, each a function or a list that is awaited in order. */
export type SignalHookMap = {
  readonly [signal in NodeJS.Signals]?: SignalHook | readonly SignalHook[]
}

/** endless' `SignalHooks`: what runs before and after a signal's action. */
export interface SignalHooks {
  readonly pre?: SignalHookMap
  readonly post?: SignalHookMap
}

/** The hooks in the life of a generation, by name. */
export interface LifeHooks {
  /**
   * Awaited per listener, once it is bound and before the first connection is accepted (endless'
   * `BeforeBegin`, made a gate). Throwing fails the start.
   */
  beforeBegin: (address: ListenAddress) => Awaitable<void>
  /**
   * Awaited before the predecessor is told to go: caches, database, warm-up. A successor accepts
   * nothing before it has ended. Throwing fails the start.
   */
  beforeReady: () => Awaitable<void>
  /**
   * Awaited before a successor is spawned; may change its environment, arguments and working
   * directory. Throwing cancels the upgrade (gracehttp's `PreStartProcess`).
   */
  beforeSpawn: (plan: SpawnPlan) => Awaitable<void>
  /**
   * Awaited beside the drain (Go's `http.Server.RegisterOnShutdown`): the place to end streams and
   * WebSockets. Not the place to close what requests need: on probation a generation can come back.
   */
  onDrain: (reason: DrainReason) => Awaitable<void>
  /**
   * The successor died on probation and this generation serves again: undo what `onDrain` did.
   */
  onRevive: () => Awaitable<void>
  /** The last word before the process exits; also after a hammer and after a failed start. */
  onExit: (code: number) => Awaitable<void>
}

/** What holds for the whole process. Durations are in milliseconds. */
export interface ProcessSettings {
  /**
   * From the start of a drain to the hammer; `false`: only by signal (endless'
   * `DefaultHammerTime = -1`).
   * @default 60000
   */
  hammerTime: number | false
  /**
   * A successor that is not ready by then is killed, and this generation goes on serving.
   * @default 60000
   */
  readyTimeout: number
  /**
   * After handing over, this generation stays at least this long, ready to take over again: for a
   * successor that serves, and then crashes, exits or closes its listeners. Ends early when the successor
   * is told to stop, or hands over in its turn.
   * @default 5000
   */
  probation: number
  /**
   * How many generations may drain at a time, this one among them, when it would hand over: beyond it an
   * upgrade is refused, with who holds them. Each drains under a hammer of its own.
   * @default 4
   */
  maxDraining: number
  /**
   * On a final stop: how long to go on serving, while health says no, before the drain.
   * @default 0
   */
  shutdownDelay: number
  /**
   * On a final stop: for how long a connection that is idle, or never sent a byte, is still there for a
   * request that is on its way. Then it ends, so that one idle browser tab does not hold a stop. At an
   * upgrade idle connections are not ended.
   * @default 1000
   */
  idleGrace: number
  /**
   * On a final stop: how long what has no end of its own may outlive `drainSignal`: server-sent events
   * (`text/event-stream`), WebSockets and other upgraded sockets. Then they end; whatever else is in flight
   * has `hammerTime`.
   * @default 2000
   */
  streamGrace: number
  /**
   * While draining: a connection that never sent a byte, or whose request stays half sent, is
   * ended when nothing came from it for this long.
   * @default 10000
   */
  stallTimeout: number
  /**
   * For how long the load balancer or reverse proxy in front keeps an idle connection to this process: 60000
   * for an AWS ALB and for nginx, 600000 for Google Cloud's. Every HTTP server keeps one 5 s longer then
   * (`keepAliveTimeout`), and `headersTimeout` and `requestTimeout` do not undercut that; what is longer, or 0,
   * stays. Without it Node ends an idle connection after 5 s, and a request that is on its way just then is the
   * classic 502.
   */
  loadBalancerIdleTimeout: number | undefined
  /**
   * A file that names the pid of the newest ready generation. Written when ready (temp file and
   * rename), removed when the process exits if it still holds our pid: at a final stop, and when the app
   * ends the process itself.
   */
  pidFile: string | undefined
  /**
   * A Unix socket at which the `endless` command finds this service: `endless reload` with an exit code that a
   * deploy can trust, `status`, `hammer`, `stop`. A path; or `true`: by the name of the service, where the
   * command looks for it by itself. It goes from generation to generation, and answers to this user alone.
   * Under `endless start` the supervisor answers, and this does nothing.
   */
  controlSocket: string | true | undefined
  /**
   * Which signal does what: `endlessSignals`, `graceSignals`, a map of your own, or `false` to
   * handle none.
   * @default endlessSignals
   */
  signals: SignalMap | false
  /**
   * Signals that others may handle as well. By default an upgrade is refused where its signal has another
   * handler, because most of them shut the app down: a handler that reopens a log does not.
   * @default []
   */
  sharedSignals: readonly NodeJS.Signals[]
  /**
   * A pino-shaped logger, or `false` for silence.
   * @default lines on stderr as Go's endless prints them
   */
  logger: Logger | false
  /**
   * Whether established HTTP/1.1 connections without TLS move to the successor, each between two
   * requests, instead of being told `Connection: close`. A function decides per connection, and
   * may be asked again: for apps that keep state on a socket. In the old process a socket that
   * moved emits 'close', in the new one it is another socket. `false` also takes none from the
   * predecessor. Prior art: MOSN, for RPC protocols.
   * @default true
   */
  migrate: boolean | ((socket: Socket) => boolean)
  /**
   * How much `state()` of {@link carry} may return for one connection, in bytes of JSON. One with more stays, and
   * drains, and the log says so.
   * @default 1048576
   */
  carryLimit: number
  /**
   * For how long connections move one after the other, more and more at a time as the successor proves warm,
   * at most: a deploy does not show on a latency chart. Then the rest moves at once; 0: all do.
   * @default 2000
   */
  slowStart: number
  /**
   * HTTP/2 sessions end by the two GOAWAYs of RFC 9113, 6.8: the first tells the client to begin nothing
   * more, the second names the last stream, and between them nothing is refused. Node has no word for the
   * first, so a stream of ours stands under each session from its beginning on, and costs some CPU with
   * each request. `false`: one GOAWAY, at a quiet moment; a request that a client begins just then is
   * refused unprocessed, and may be sent again (RFC 9113, 8.7), which browsers, Go and gRPC do.
   * @default false
   */
  http2Notice: boolean
  /**
   * Upgrades also where the process was started by something that takes its end for the end of the
   * service: pm2 in fork mode, a watcher (nodemon, `node --watch`, `tsx watch`), tini or npm as pid 1 of a
   * container. Each is found among the ancestors of the process, on Linux, and an upgrade is refused then.
   * For a launcher that was found and does not wait.
   * @default false
   */
  ignoreLauncher: boolean
  /**
   * What an exception that nobody catches costs. `'exit'`: the process and everything in it, as Node has
   * it. `'handover'`: the request that threw, which gets a 500 or its end; a successor is started as by an
   * upgrade, everything else in flight is answered or moves, and the process exits with 1, `hammerTime`
   * later at most. While a predecessor stands by, and where an upgrade is refused or fails, it exits at once. An app that
   * handles `uncaughtException` itself goes on doing so. Each request gets an async context for it.
   * @default "exit"
   */
  onCrash: 'exit' | 'handover'
  /**
   * Whether a server that listens through an adapter makes the process ready by itself, once all
   * that listen are bound and every inherited listener is taken. `false`: call `ready()`.
   * @default true
   */
  autoReady: boolean
}

/** Options of `upgrader()`: one upgrade per process. */
export interface UpgraderOptions extends Given<ProcessSettings>, Given<LifeHooks> {
  /** What runs before and after a signal's action (endless' `SignalHooks`). */
  readonly hooks?: SignalHooks | undefined
}

/** Each may be left out, or be undefined, which is the same. */
type Given<T> = { readonly [name in keyof T]?: T[name] | undefined }

/** Defaults of everything that holds for the whole process. */
export const defaults: Readonly<Omit<ProcessSettings, 'signals' | 'logger'>> = {
  hammerTime: 60_000,
  readyTimeout: 60_000,
  probation: 5_000,
  maxDraining: 4,
  shutdownDelay: 0,
  idleGrace: 1_000,
  streamGrace: 2_000,
  stallTimeout: 10_000,
  loadBalancerIdleTimeout: undefined,
  pidFile: undefined,
  controlSocket: undefined,
  sharedSignals: [],
  migrate: true,
  carryLimit: 1_048_576,
  slowStart: 2_000,
  http2Notice: false,
  ignoreLauncher: false,
  onCrash: 'exit',
  autoReady: true,
}

/** endless' map of signals: HUP forks, USR2 hammers, INT and TERM shut down. */
export const endlessSignals: SignalMap = {
  SIGHUP: 'upgrade',
  SIGUSR2: 'hammer',
  SIGINT: 'shutdown',
  SIGTERM: 'shutdown',
}

/** gracehttp's map of signals: USR2 restarts, INT and TERM shut down. */
export const graceSignals: SignalMap = {
  SIGUSR2: 'upgrade',
  SIGINT: 'shutdown',
  SIGTERM: 'shutdown',
}
