import type { Server } from 'node:net'
import type { Kind } from './connections/index.js'
import type {
  DrainReason,
  LifeHooks,
  SignalHook,
  State,
  UpgraderOptions,
  When,
} from './generation/index.js'
import type { Drained, Elder, Passable } from './handover/index.js'
import type { Begin, Origin } from './listeners/index.js'
import type { ListenAddress } from './node/index.js'

/** A snapshot of a generation: who listens, what goes on, and who holds a drain. */
export interface Status {
  readonly pid: number
  readonly generation: number
  readonly state: State
  /** Since this process started, in ms. */
  readonly uptime: number
  /** The pid of the predecessor while it lives. */
  readonly predecessor: number | undefined
  /** The pid of the successor, from its spawn on. */
  readonly successor: number | undefined
  readonly listeners: readonly {
    readonly name: string
    readonly address: ListenAddress | null
    readonly origin: Origin
  }[]
  /** How many connections are at what. */
  readonly connections: Readonly<Record<Kind, number>> & { readonly total: number }
  /** Requests that are being answered: who holds a drain. Ages in ms. */
  readonly requests: readonly {
    readonly method: string
    readonly url: string
    readonly age: number
  }[]
  /** How many connections the predecessor has moved here, those that ended since among them. */
  readonly adopted: number
  /** While draining: why, since when, when the hammer falls, in ms; what became of connections. */
  readonly drain:
    | (Drained & {
        readonly reason: DrainReason
        readonly age: number
        readonly hammerIn: number | false
        /** How many WebSocket clients were told to come back. */
        readonly told: number
      })
    | undefined
  /** The generations before this one that still drain, oldest first, and who holds them. */
  readonly draining: readonly Elder[]
  /**
   * Since generation 0 was started: for a dashboard, to which every generation is a new process. Under
   * `endless start` a worker knows of its own slot, and `connections` are counted by the supervisor.
   */
  readonly totals: {
    readonly upgrades: {
      /** As many as there are generations before this one. */
      readonly succeeded: number
      /** Rolled back, before the successor served or on probation. Refusals are not counted. */
      readonly failed: number
    }
    /** What became of the connections that were open when a generation before this one began to drain. */
    readonly connections: Drained
  }
}

/** How a server takes part in upgrades. */
export interface AttachOptions {
  /** The `beforeBegin` of this server alone, after those of the process. */
  readonly beforeBegin?: Begin | undefined
  /**
   * Whether its listening makes the process ready by itself: what adapters ask for.
   * @default false
   */
  readonly autoReady?: boolean | undefined
  /**
   * Only where nobody else attaches this server, now or later: what the preload `@endlessjs/core/auto` asks
   * for, of every server that is about to listen. It makes the process ready by itself, unless the app attached one without
   * `autoReady`, and so calls `ready()`.
   * @default false
   */
  readonly byDefault?: boolean | undefined
}

/**
 * Called with each message of a channel, a copy of what JSON says of it, whichever process it was published in. Writes
 * to clients in the same turn: one that moves meanwhile would miss what comes later, or get it twice.
 * @param to undefined: all clients of this process. Else the one that has just moved here (the socket, or what a
 * package on top makes of it) and has missed this message on its way.
 */
export type ChannelHandler<Message> = (
  message: Message,
  to: readonly unknown[] | undefined,
) => unknown

/** A channel of this process, see {@link Upgrader.channel}. */
export interface ServiceChannel<Message> {
  /**
   * Calls the handler here at once, and that of every other process of the service once. Throws `ERR_ENDLESS_OPTION`
   * for what JSON cannot say, for more than 1 MiB of it, and after `close()`.
   */
  publish(message: Message): void
  /** Messages are not handled here any more; this process still passes on those of others. */
  close(): void
}

/**
 * The upgrades of a process: its listeners, its state, its successor. Modelled on tableflip's
 * `Upgrader`, with the signals and hooks of endless.
 */
export interface Upgrader {
  /** Where this generation stands. */
  readonly state: State
  /** 0 for the process that was started by hand, one more at each upgrade. */
  readonly generation: number
  /** Whether the predecessor still lives (tableflip's `HasParent`). */
  readonly hasParent: boolean
  /**
   * Aborts when the drain begins: what Go's seeds cancel with `BaseContext`. A generation that
   * comes back from a drain has a new one, so read it per request.
   */
  readonly drainSignal: AbortSignal
  /** How many requests are being answered: it looks at every connection when it is read. */
  readonly inFlight: number
  /** Takes more options; throws `ERR_ENDLESS_OPTION` or `ERR_ENDLESS_OPTION_CONFLICT`. */
  configure(options: UpgraderOptions): void
  /**
   * `server.listen(...args)` with an inherited listener of that name where there is one. In a
   * successor the server accepts nothing before `ready()`.
   */
  listen<S extends Server>(server: S, ...args: Parameters<Server['listen']> | unknown[]): S
  /**
   * Prepares a server whose `listen` somebody else will call. Throws `ERR_ENDLESS_LISTENING` for one that
   * listens already.
   * @returns lets go of it: its listener is the app's own again
   */
  attach(server: Server, options?: AttachOptions): () => void
  /**
   * This generation serves: awaits `beforeReady`, then takes over from the predecessor
   * (tableflip's `Ready`). Servers of an adapter do it by themselves.
   * Rejects with `ERR_ENDLESS_HOOK`, `ERR_ENDLESS_PIDFILE`, `ERR_ENDLESS_CONTROL` or
   * `ERR_ENDLESS_STOPPED`; the process then exits with code 1.
   */
  ready(): Promise<void>
  /**
   * Spawns a successor, waits until it serves, and begins to drain. Rejects with the reason when
   * there is none or it failed: this generation then goes on as before, and can try again.
   * Codes: `ERR_ENDLESS_NOT_READY`, `_UPGRADE_IN_PROGRESS`, `_TOO_MANY_DRAINING`, `_DRAINING`,
   * `_UNSUPPORTED`, `_HOOK`, `_SPAWN`, `_SUCCESSOR_EXITED`, `_SUCCESSOR_FAILED`, `_READY_TIMEOUT`,
   * `_STOPPED`.
   */
  upgrade(): Promise<{ pid: number }>
  /** A final stop: drains without a successor, then exits the process. */
  shutdown(): Promise<void>
  /** Destroys what holds a drain; throws `ERR_ENDLESS_NOT_DRAINING` when nothing drains. */
  hammer(): void
  /** Settles when the predecessor is gone; at once in generation 0 (tableflip's `WaitForParent`). */
  waitForParent(): Promise<void>
  /**
   * Passes an fd, a `FileHandle`, a socket or a server to every successor under this name
   * (tableflip's `Fds.AddFile`, `AddConn`, `AddListener`). Keep it open. Throws `ERR_ENDLESS_OPTION` for one
   * that is not open, and `ERR_ENDLESS_UNSUPPORTED` under `endless start`: there the supervisor spawns the
   * successors, and of what a worker has open it passes on the listening sockets alone.
   * @returns takes it out again
   */
  addFile(name: string, file: Passable): () => void
  /**
   * The fd that came under this name from the predecessor (or as systemd's `FileDescriptorName`),
   * to wrap as you like: `new net.Socket({ fd })`, `dgramSocket.bind({ fd })`. It is passed on
   * again by itself. What nobody asked for by `ready()` is closed.
   */
  inherited(name: string): number | undefined
  /**
   * Messages between all processes of the service: the generations that drain, and the workers of `endless start`.
   * Each gets each message once, and those of one process in their order, from when it serves until it is gone. A
   * client that moves by `carry` gets each once as well, from the old process or from the new one.
   *
   * ```ts
   * const room = up.channel<string>('chat', (line, to = clients) => {
   *   for (const one of to) one.write(line)
   * })
   * room.publish('hello\n')
   * ```
   * A handler that throws is logged. While a channel is open, connections with `carry` are not given to other workers
   * to even them out. Throws `ERR_ENDLESS_OPTION` for a bad name, or for one that is open here already.
   */
  channel<Message = unknown>(
    name: string,
    handler: ChannelHandler<Message>,
  ): ServiceChannel<Message>
  /** @returns takes the hook out again */
  hook<Name extends keyof LifeHooks>(name: Name, hook: LifeHooks[Name]): () => void
  /** @returns takes the hook out again */
  hookSignal(when: When, signal: NodeJS.Signals, hook: SignalHook): () => void
  /** A snapshot of this generation. */
  status(): Status
  /**
   * Undoes everything: signal handlers, timers, hooks, IPC listeners; closes the servers that
   * listen here. `upgrader()` then makes a new one.
   */
  uninstall(): Promise<void>
}
