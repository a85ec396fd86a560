import { type ExecFileException, execFile } from 'node:child_process'

/** What systemd is told: `READY`, `STATUS`, ... with their values; see sd_notify(3). */
export type Notice = Readonly<Record<string, string | number>>

/** Beyond it systemd-notify is ended, in ms: it waits until systemd has read what it sent. */
const patience = 10_000
/** Longer texts are cut: a message has to fit into one datagram. */
const longest = 1_000
/** These must each be heard, and in order. Of all others the newest value is enough. */
const steps = ['READY', 'RELOADING', 'STOPPING', 'MAINPID']

/**
 * Tells systemd of this service, by `systemd-notify`: Node cannot send to a datagram socket. One message at a
 * time, so that they come in order; nobody waits for them.
 */
export class Notifier {
  readonly #env: NodeJS.ProcessEnv
  readonly #complain: (message: string) => void
  #waiting: Record<string, string | number>[] = []
  #sending: Promise<void> | undefined
  #isOff = false
  #hasComplained = false

  /** @param complain told once of what keeps it from telling */
  constructor(socket: string, path: string, complain: (message: string) => void) {
    this.#env = { NOTIFY_SOCKET: socket, PATH: path }
    this.#complain = complain
  }

  tell(notice: Notice): void {
    if (this.#isOff) return
    const last = this.#waiting.at(-1)
    if (last && !steps.some((step) => step in notice)) Object.assign(last, notice)
    else this.#waiting.push({ ...notice })
    this.#sending ??= this.#sendAll()
  }

  /** Settles when all was said. */
  async settled(): Promise<void> {
    await this.#sending
  }

  async #sendAll(): Promise<void> {
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift())
      await this.#send(next)
    this.#sending = undefined
  }

  #send(notice: Notice): Promise<void> {
    const words = Object.entries(notice).map(([name, value]) => `${name}=${plain(value)}`)
    const options = { env: this.#env, timeout: patience, killSignal: 'SIGKILL' } as const
    return new Promise((resolve) => {
      execFile('systemd-notify', words, options, (error, _, stderr) => {
        if (error) this.#failed(error, stderr)
        resolve()
      })
    })
  }

  #failed(error: ExecFileException, stderr: string): void {
    this.#isOff = error.code === 'ENOENT'
    if (this.#isOff) this.#waiting = []
    if (this.#hasComplained) return
    this.#hasComplained = true
    this.#complain(
      this.#isOff
        ? 'NOTIFY_SOCKET is set, but systemd-notify is not in PATH: systemd is told nothing. Install it, or ' +
            'make the unit Type=exec'
        : `systemd was not told: ${stderr.trim() || error.message}`,
    )
  }
}

/** Of a text each line would be a message of its own. */
function plain(value: string | number): string {
  return String(value)
    .replace(/\p{Cc}+/gu, ' ')
    .slice(0, longest)
}

/** What systemd says in the environment of the process that it starts. */
export interface NotifyEnvironment {
  readonly socket: string
  /** How long it waits for `WATCHDOG=1`, in ms; undefined where it does not. */
  readonly watchdog: number | undefined
}

/** @param pid of the process that asks: a watchdog may be meant for another one */
export function notifyEnvironment(
  env: NodeJS.ProcessEnv,
  pid: number = process.pid,
): NotifyEnvironment | undefined {
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: usec, WATCHDOG_PID: watched } = env
  if (!socket) return undefined
  const isOurs = watched === undefined || Number(watched) === pid
  const watchdog = isOurs && Number(usec) > 0 ? Number(usec) / 1_000 : undefined
  return { socket, watchdog }
}

/**
 * Whether systemd has started this very process. A child that an app starts may have its environment, and is
 * not the service.
 */
export function speaksForUnit({ SYSTEMD_EXEC_PID: pid }: NodeJS.ProcessEnv): boolean {
  return pid === undefined || Number(pid) === process.pid
}

/** Without what systemd says to this process: a child that took it for its own would speak for the service. */
export function withoutNotify(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { NOTIFY_SOCKET: _, WATCHDOG_USEC: __, WATCHDOG_PID: ___, ...rest } = env
  return rest
}
