import { expect } from 'vitest'
import { type Load, load, request, type Target } from './client/index.js'
import { fixture, Service, type StartOptions } from './service.js'

/** What one app of fixtures/release.js listens on. */
export interface App {
  readonly label: string
  /** The arguments of `listen()`. */
  readonly at: readonly unknown[]
  /** Without a callback: Express 5 then leaves an error to the process. */
  readonly bare?: true
}

/** What fixtures/release.js does when it starts. */
export interface Release {
  readonly listen: readonly App[]
  /** Whether it awaits each `listening` before the next `listen()`; `late`: and 200 ms more. */
  readonly pace?: 'together' | 'awaited' | 'late'
  /** Calls `ready()` itself, or never. */
  readonly explicit?: true | 'never'
  /** Of `upgrader()`. */
  readonly options?: object
  /** Its drain lasts until SIGCONT. */
  readonly holdDrain?: true
}

/** What was bound: by the name of the listener. */
export type Ports = Readonly<Record<string, number>>

export function app(label: string, ...at: readonly unknown[]): App {
  return { label, at }
}

export function startRelease(
  release: Release,
  options: Partial<StartOptions> = {},
): Promise<Service> {
  return Service.start({ script: fixture('release.js'), control: release, ...options })
}

/**
 * An upgrade that has to succeed, by default to the same release again; the next one is possible.
 * @returns the new pid
 */
export async function upgrade(service: Service, release?: Release): Promise<number> {
  if (release) service.control(release)
  const pid = await service.upgrade()
  await service.until({ event: 'parent gone', pid })
  return pid
}

/** The TCP ports of a generation by its listeners' names. */
export function portsOf(service: Service, pid: number = service.current): Ports {
  const bound = service.all({ event: 'listen', pid })
  return Object.fromEntries(
    bound.map(({ name, address }) => [name, (address as { port: number }).port]),
  )
}

/** Where the listeners of a generation come from, by name. */
export function originsOf(service: Service, pid: number = service.current): object {
  return Object.fromEntries(
    service.all({ event: 'listen', pid }).map((one) => [one.name, one.from]),
  )
}

/** Who answers there. */
export async function answerAt(target: Target): Promise<{ pid: number; label: string }> {
  const { body } = await request({ target })
  return JSON.parse(body.toString()) as { pid: number; label: string }
}

/** What comes of a connection that nobody should accept: its errno's name. */
export async function refusalAt(target: Target): Promise<string> {
  const error = await request({ target }).then(
    () => 'answered',
    (reason: Error) => reason.message,
  )
  return /E[A-Z]{4,}/.exec(error)?.[0] ?? error
}

/**
 * Acts while strict clients ask each label's target, on kept and on new connections; every reply
 * has to be whole and to come from the app of that label.
 */
export async function underLoad<T>(
  targets: Readonly<Record<string, Target>>,
  act: () => Promise<T>,
): Promise<T> {
  const loads = Object.entries(targets).flatMap(([label, target]) =>
    (['keep-alive', 'new-connection'] as const).map((mode) =>
      load({
        target,
        connections: 1,
        mode,
        thinkTime: [0, 10],
        check: ({ body }) => not(label, body),
      }),
    ),
  )
  const allGoOn = () => Promise.all(loads.map((one) => one.progress(10)))
  try {
    await allGoOn()
    const result = await act()
    faultless(loads)
    await allGoOn()
    return result
  } finally {
    await Promise.all(loads.map((one) => one.stop()))
    faultless(loads)
  }
}

function faultless(loads: readonly Load[]): void {
  for (const { report } of loads) expect(report.failed, report.samples.join('\n')).toBe(0)
}

function not(label: string, body: Buffer): string | undefined {
  const { label: found } = JSON.parse(body.toString()) as { label: string }
  return found === label ? undefined : `from ${found} instead of ${label}`
}
