import { ask } from './crowd.js'
import { Raw } from './raw.js'
import { fixture, Service, type StartOptions } from './service.js'

/** What fixtures/moving.js does, see there. */
export interface Moving {
  readonly at?: number
  readonly signal?: NodeJS.Signals
  readonly whom?: 'successor' | 'self'
  readonly listen?: readonly (readonly unknown[])[]
  readonly server?: object
  readonly fds?: number
  readonly full?: boolean
  readonly throw?: boolean
  readonly meddle?: boolean
  readonly sample?: number
}

/** @param next what the generations after the first one do, if not the same */
export async function startMoving(
  control: Moving = {},
  { next = control, ...more }: Partial<StartOptions> & { readonly next?: Moving } = {},
): Promise<Service> {
  const service = await Service.start({ script: fixture('moving.js'), control, ...more })
  service.control(next)
  return service
}

/** How many had moved when the first generation logged that. */
export async function movedAt(service: Service, message: RegExp): Promise<number> {
  return Number((await service.until({ event: 'log', message, pid: service.pid })).moved)
}

/** What became of the connections of the first generation, once it has exited. */
export async function endOf(service: Service): Promise<object> {
  const { code } = await service.exited
  const end = await service.until({ event: 'drain', phase: 'end', pid: service.pid })
  const { moved, drained, cut } = end
  return { code, moved, drained, cut }
}

/** Settles when the successor has as many; asks on one of its own. */
export async function untilAdopted(service: Service, count: number): Promise<void> {
  const fresh = await Raw.open(service.port())
  while (Number((await ask(fresh, '/count'))?.body.accepted) <= count);
  fresh.socket.destroy()
}
