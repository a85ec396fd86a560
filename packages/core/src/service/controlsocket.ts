import { setImmediate as turn } from 'node:timers/promises'
import {
  type ControlHandler,
  ControlServer,
  controlListener,
  controlPath,
  listenAt,
} from '../control/index.js'
import type { Generation } from '../generation/index.js'
import type { HandedListener } from '../handover/index.js'
import {
  type Handle,
  handleOf,
  inodeAt,
  listenOn,
  openFd,
  stopAccepting,
  unlinkSocket,
} from '../node/index.js'

/** Its name among the listeners that go to a successor: none that an app can ask for. */
const name = 'control'

/**
 * The control socket of a service without a supervisor. It goes to the successor as a listener does, so that
 * there is no moment without it; but it is none of the app's: nothing waits for it, and its clients do not
 * hold a drain.
 */
export class ControlSocket {
  readonly #generation: Generation
  readonly #inherited: HandedListener | undefined
  readonly #server = controlListener()
  readonly #answers: ControlServer
  /** What came from the predecessor, until it is ours or let go. */
  #waiting: Handle | undefined
  #file: { readonly path: string; readonly inode: number } | undefined
  /** Whether this generation answers there: then the file is its to remove. */
  #isOurs = false
  readonly #unlink = (): void => {
    if (this.#isOurs && this.#file) unlinkSocket(this.#file.path, this.#file.inode)
    this.#isOurs = false
  }
  #end: () => void = () => {}
  /** Settles when this process is about to exit, as long as it can still answer. */
  readonly ending: Promise<void> = new Promise((resolve) => {
    this.#end = resolve
  })

  constructor(generation: Generation, handle: ControlHandler) {
    this.#generation = generation
    this.#inherited = generation.predecessor?.handover.listeners.find(isControl)
    // A service whose servers are all closed ends, whoever may be asking.
    this.#answers = new ControlServer(handle).unref().attach(this.#server)
    this.#server.on('error', (error) =>
      generation.error('The control socket does not answer', error),
    )
  }

  /** Where it is; undefined where there is none. */
  get path(): string | undefined {
    return this.#file?.path
  }

  /** Takes over what was inherited, or makes it; throws `ERR_ENDLESS_CONTROL` where it cannot be had. */
  async prepare(): Promise<void> {
    const inherited = this.#inherited && openFd(this.#inherited.fd)
    this.#waiting = typeof inherited === 'object' ? inherited : undefined
    const { controlSocket } = this.#generation.settings.values
    if (controlSocket === undefined) return
    if (this.#generation.supervisor)
      return this.#generation.info('controlSocket: not made, the supervisor answers to endless.')
    const path = controlPath(controlSocket === true ? {} : { control: controlSocket })
    const inode = inodeAt(path)
    // Not by its path: that may lead there by a link, and somebody may have cleaned up since.
    if (this.#waiting && inode !== undefined && inode === this.#inherited?.inode) {
      this.#file = { path, inode }
      this.#generation.predecessor?.handBack(name, this.#waiting)
    } else await this.#bind(path)
    process.once('exit', this.#unlink)
  }

  /** This generation answers from here on. */
  serve(): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    if (!waiting) return
    if (this.#file && !this.#isOurs) return this.#listen(waiting)
    // Another one, or none, is wanted now.
    waiting.close()
    const { bound, inode = -1 } = this.#inherited ?? {}
    if (typeof bound === 'string') unlinkSocket(bound, inode)
  }

  /** What the successor gets. */
  parcel(): HandedListener[] {
    const handle = handleOf(this.#server)
    if (!handle || !this.#file) return []
    const { path: bound, inode } = this.#file
    return [{ name, fd: handle.fd, bound, inode, activated: false }]
  }

  /** The successor answers. Whoever has asked already gets an answer from here. */
  handOver(): void {
    this.#isOurs = false
    if (handleOf(this.#server)) stopAccepting(this.#server)
  }

  /**
   * The successor has failed: this generation answers again.
   * @param duplicates of listeners, which the successor gave back
   * @param gone settles when it has no part in the file any more
   */
  async revive(duplicates: ReadonlyMap<string, Handle>, gone: Promise<unknown>): Promise<void> {
    const duplicate = duplicates.get(name)
    if (!this.#file) return duplicate?.close()
    const { path, inode } = this.#file
    // A successor that has none, or another one, has let this one go.
    if (!duplicate) return this.#bindAgain(path)
    this.#listen(duplicate)
    await gone
    // It may have ended in order, and have removed it as its own.
    if (!handleOf(this.#server) || inodeAt(path) === inode) return
    stopAccepting(this.#server)
    await this.#bindAgain(path)
  }

  /** The way is free for the next service, as the ports are. Whoever has asked already gets an answer. */
  leave(): void {
    this.#unlink()
    if (handleOf(this.#server)) stopAccepting(this.#server)
  }

  /** The end: what was answered gets to whoever asked. */
  async close(): Promise<void> {
    process.off('exit', this.#unlink)
    this.leave()
    this.#waiting?.close()
    this.#waiting = undefined
    this.#end()
    if (!this.#file) return
    // Whoever waits for what has just come to its end, or for the end, hears of it first.
    await turn()
    // They hold no process, and this one is to end with a code of its own.
    const alive = setInterval(() => {}, 2 ** 30)
    await this.#answers.close()
    clearInterval(alive)
  }

  async #bind(path: string): Promise<void> {
    this.#file = { path, inode: await listenAt(this.#server, path) }
    this.#isOurs = true
  }

  async #bindAgain(path: string): Promise<void> {
    await this.#bind(path).catch((error) =>
      this.#generation.error('The control socket does not answer', error),
    )
  }

  #listen(handle: Handle): void {
    this.#isOurs = true
    listenOn(this.#server, handle, undefined)
  }
}

/** Whether it is the control socket, and nothing that an app listens on. */
export function isControl(listener: HandedListener): boolean {
  return listener.name === name
}
