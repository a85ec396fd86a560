import { EndlessError, type ErrorCode } from '../errors.js'

/**
 * The life of a generation: `starting -> ready -> upgrading -> draining -> exited`, back to
 * `ready` from `upgrading` when the successor fails before it is ready, and from `draining` when
 * it dies on probation.
 */
export type State = 'starting' | 'ready' | 'upgrading' | 'draining' | 'exited'

/** What can happen to a generation. */
export type Event =
  | 'ready'
  | 'upgrade'
  | 'upgradeFailed'
  | 'handedOver'
  | 'shutdown'
  | 'revive'
  | 'exit'

type Refusal = readonly [code: ErrorCode, message: string]

const notReady: Refusal = [
  'ERR_ENDLESS_NOT_READY',
  'not ready yet: an upgrade is possible once this generation serves',
]
const inProgress: Refusal = [
  'ERR_ENDLESS_UPGRADE_IN_PROGRESS',
  'an upgrade is in progress: wait for it to end, then ask again',
]
const draining: Refusal = [
  'ERR_ENDLESS_DRAINING',
  'draining: ask the newest generation, this one is on its way out',
]
const exited: Refusal = ['ERR_ENDLESS_DRAINING', 'exited: this generation has ended']
/** Every transition there is, and every refusal by name. What stands nowhere is a bug of ours. */
const transitions: Record<State, Partial<Record<Event, State | Refusal>>> = {
  starting: { ready: 'ready', upgrade: notReady, shutdown: 'draining', exit: 'exited' },
  ready: { upgrade: 'upgrading', shutdown: 'draining', exit: 'exited' },
  upgrading: {
    upgrade: inProgress,
    upgradeFailed: 'ready',
    handedOver: 'draining',
    shutdown: 'draining',
    exit: 'exited',
  },
  draining: {
    ready: draining,
    upgrade: draining,
    shutdown: 'draining',
    revive: 'ready',
    exit: 'exited',
  },
  exited: { upgrade: exited, ready: exited, shutdown: exited },
}

/** The one state machine of a process. */
export class Machine {
  #state: State = 'starting'
  readonly #entered: (from: State, to: State) => void

  constructor(entered: (from: State, to: State) => void) {
    this.#entered = entered
  }

  get state(): State {
    return this.#state
  }

  /**
   * Takes the transition, or throws the refusal as an {@link EndlessError}.
   * @param refusal what the table cannot know: why an upgrade that it allows is not possible
   */
  send(event: Event, refusal?: EndlessError): void {
    const from = this.#state
    const next = transitions[from][event]
    if (next === undefined) throw new TypeError(`endless: no transition "${event}" from "${from}"`)
    if (typeof next !== 'string') throw new EndlessError(...next)
    if (refusal) throw refusal
    this.#state = next
    if (from !== next) this.#entered(from, next)
  }
}
