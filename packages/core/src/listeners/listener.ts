import type { Server } from 'node:net'
import { resolve } from 'node:path'
import type { HandedListener } from '../handover/index.js'
import {
  answerClose,
  type Handle,
  type HeldEvent,
  handleOf,
  holdAccept,
  holdEvent,
  isPath,
  isSocketFile,
  isTls,
  type ListenAddress,
  type ListenCall,
  listenOn,
  redirectChmod,
  setHandle,
  stopAccepting,
  unlinkSocket,
} from '../node/index.js'
import type { Inherited } from './inheritance.js'

/** Where a listener's socket comes from. */
export type Origin = 'new' | 'predecessor' | 'systemd'

/** A bound, listening socket, and the server that accepts from it. */
export class Listener {
  readonly server: Server
  readonly name: string
  /** The name that the predecessor knows it by, where it came from there. */
  readonly inheritedAs: string | undefined
  readonly origin: Origin
  readonly activated: boolean
  readonly alias: string | undefined
  readonly backlog: number | undefined
  /** The absolute path of a Unix socket's file. */
  readonly path: string | undefined
  /** The inode of a Unix socket that this service made. */
  inode: number | undefined
  #open: (() => number) | undefined
  #held: HeldEvent | undefined

  constructor(server: Server, name: string, call: ListenCall, inherited?: Inherited) {
    this.server = server
    this.name = inherited?.activated ? inherited.name : name
    this.backlog = call.backlog
    this.path = pathOf(inherited?.bound ?? (isPath(call) ? call.address : null))
    this.activated = inherited?.activated ?? false
    this.origin = !inherited ? 'new' : inherited.handle ? 'systemd' : 'predecessor'
    this.inheritedAs = this.origin === 'predecessor' ? inherited?.name : undefined
    this.alias = inherited?.alias
    this.inode = inherited?.inode
  }

  get handle(): Handle | null {
    return handleOf(this.server)
  }

  get address(): ListenAddress | null {
    return this.server.address()
  }

  /** Puts the socket under the server, accepting nothing before {@link Listener.accept}. */
  place(handle: Handle, held: boolean, file: string | undefined = this.path): void {
    setHandle(this.server, handle)
    // It was renamed since it was bound, and is not where the handle believes it is.
    if (file !== undefined) redirectChmod(handle, file)
    if (held) this.#open = holdAccept(handle)
  }

  /** Takes a socket that will not do from under the server. */
  displace(): void {
    this.handle?.close()
    setHandle(this.server, null)
    this.#open = undefined
  }

  /** Opens the gate. @returns an errno where the kernel refuses, 0 where it is (or was) open */
  accept(): number {
    const open = this.#open
    this.#open = undefined
    return open && this.handle ? open() : 0
  }

  /**
   * Stops accepting; connections live on. The server's 'close' waits for {@link Listener.close}:
   * what an app does there (Fastify closes its other servers, apps their databases) must not happen
   * while another listener still drains, nor if this generation rises again.
   */
  stop(): void {
    if (!this.handle) return
    const held = holdEvent(this.server, 'close')
    const restore = answerClose(this.server)
    this.#held = {
      release: () => held.release(),
      drop: () => {
        restore()
        held.drop()
      },
    }
    stopAccepting(this.server)
  }

  /** The drain is over: whoever waits for the server's 'close' hears of it. */
  close(): void {
    this.#held?.release()
    this.#held = undefined
  }

  /** Listens again, on the duplicate that the successor gave back. */
  revive(duplicate: Handle): void {
    this.#held?.drop()
    this.#held = undefined
    listenOn(this.server, duplicate, this.backlog)
  }

  /** What the successor gets; undefined where the app closed the server. */
  parcel(): HandedListener | undefined {
    const { handle } = this
    // Node knows no address of a Unix socket that came as an fd; the path is known from elsewhere.
    const bound = this.path ?? this.address
    if (!handle || bound === null) return undefined
    return {
      name: this.name,
      fd: handle.fd,
      bound,
      activated: this.activated,
      ...(this.alias !== undefined && { alias: this.alias }),
      ...(this.inode !== undefined && { inode: this.inode }),
    }
  }

  /** In base64; undefined where it is no TLS server. */
  get ticketKeys(): string | undefined {
    return isTls(this.server) ? this.server.getTicketKeys().toString('base64') : undefined
  }

  takeTicketKeys(keys: string | undefined): void {
    if (keys !== undefined && isTls(this.server))
      this.server.setTicketKeys(Buffer.from(keys, 'base64'))
  }

  /** Removes the file of a Unix socket that is ours. */
  unlink(): void {
    if (this.path !== undefined && this.inode !== undefined && !this.activated)
      unlinkSocket(this.path, this.inode)
  }
}

/** Absolute, because the next release may have another working directory. */
function pathOf(address: ListenAddress | null): string | undefined {
  return typeof address === 'string' && isSocketFile(address) ? resolve(address) : undefined
}
