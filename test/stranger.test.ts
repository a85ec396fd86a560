import { execFileSync, type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { commonjs } from './stranger/commonjs.js'
import { runners } from './stranger/runners.js'
import { types } from './stranger/types.js'
import { request } from './support/client/index.js'
import { isAlive } from './support/processes.js'
import { get, Raw } from './support/raw.js'
import { Service, temporaryDirectory } from './support/service.js'
import { server as plainServer, Reader } from './support/typed.js'

const root = resolve(import.meta.dirname, '..')
const home = temporaryDirectory()
const packages = ['core', 'express', 'koa', 'fastify', 'ws', 'socket.io', 'cli']

/** The blocks of the README, by the file that their first line names. */
const blocks = new Map(
  [...readFileSync(join(root, 'README.md'), 'utf8').matchAll(/```(js|sh)\n(.*?)```/gs)].map(
    ([, language = '', text = ''], n) => [
      /^\/\/ (\S+)\n/.exec(text)?.[1] ?? `${language}-${n}`,
      text,
    ],
  ),
)

function npm(...args: string[]): void {
  execFileSync('npm', args, { cwd: home, stdio: 'ignore' })
}

// What a stranger does: install the packed packages with npm, and type what the README says.
beforeAll(() => {
  const pack = ['-r', '--filter', './packages/*', 'pack', '--pack-destination', home]
  execFileSync('npx', ['-y', 'pnpm@10.34.9', ...pack], { cwd: root, stdio: 'ignore' })
  writeFileSync(join(home, 'package.json'), '{ "private": true, "type": "module" }\n')
  const tarballs = readdirSync(home).filter((name) => name.endsWith('.tgz'))
  expect(tarballs).toHaveLength(packages.length)
  npm(
    'install',
    '--no-audit',
    '--no-fund',
    ...tarballs.map((name) => `./${name}`),
    'express@5',
    'koa@3',
    'fastify@5',
    'ws@8',
    'socket.io@4',
    'supertest@7',
    '@types/express@5.0.6',
    '@types/node@20.19.9',
    '@types/ws@8',
  )
}, 180_000)

afterAll(() => rmSync(home, { recursive: true, force: true }))

/** A port that was free a moment ago: the README's are fixed, the test's must not be. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0)
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

/** A block as the reader would save it, on ports of its own. */
async function save(name: string): Promise<number[]> {
  let text = blocks.get(name) ?? ''
  expect(text, name).not.toBe('')
  const ports: number[] = []
  for (const [fixed] of new Set([...text.matchAll(/\b[789]000\b/g)].map(([port]) => [port]))) {
    const port = await freePort()
    ports.push(port)
    text = text.replaceAll(fixed ?? '', String(port))
  }
  writeFileSync(join(home, name), text)
  return ports
}

async function body(port: number, url = '/', method = 'GET'): Promise<string> {
  const reply = await request({ target: { port }, method, url })
  return reply.body.toString()
}

test('the README has the blocks that are tried here, and no other', () => {
  expect([...blocks.keys()]).toEqual([
    'app.js',
    'sh-1',
    'sh-2',
    'sh-3',
    'sh-4',
    'several.js',
    'koa.js',
    'fastify.js',
    'echo.js',
    'app.test.js',
  ])
  expect(blocks.get('sh-3')).toBe('npm install @endlessjs/express express\n')
  // Of the repository: one is what CI runs for every change, the other is this very run.
  const typed = blocks.get('sh-4')?.match(/^npm (run )?\S+/gm)
  expect(typed).toEqual(['npm run demo', 'npm run demo', 'npm test'])
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  expect(Object.keys(scripts)).toEqual(expect.arrayContaining(['demo', 'test', 'bench']))
})

test('README: the app, and what is typed', async () => {
  const [port = 0] = await save('app.js')
  const script = (blocks.get('sh-1') ?? '')
    .replaceAll('8000', String(port))
    .replace(
      'curl -s',
      'curl -s --retry 50 --retry-connrefused --retry-delay 0 --retry-max-time 20',
    )
  const shell = spawn('sh', ['-c', script], { cwd: home, stdio: ['ignore', 'pipe', 'pipe'] })
  let [out, log] = ['', '']
  shell.stdout.on('data', (chunk) => {
    out += chunk
  })
  shell.stderr.on('data', (chunk) => {
    log += chunk
  })
  while (!/Exiting with code 0/.test(log)) await once(shell.stderr, 'data')
  const old = Number(/hello from (\d+)/.exec(out)?.[1])
  const successor = Number(readFileSync(join(home, 'app.pid'), 'utf8'))
  expect(successor).not.toBe(old)
  expect(await body(port)).toBe(`hello from ${successor}\n`)
  process.kill(successor, 'SIGTERM')
  await once(shell, 'close')
  expect(isAlive(successor)).toBe(false)
})

test('README: under a supervisor, and what is typed', async () => {
  writeFileSync(join(home, 'server.js'), plainServer)
  const [start = '', reload = ''] = (blocks.get('sh-2') ?? '').split('\n')
  await using reader = new Reader(home)
  await reader.start(start)
  expect(await reader.type(reload)).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^reloaded {2}the new release serves$/m),
  })
  expect((await reader.type('npx endless stop')).code).toBe(0)
  expect(await reader.ended()).toBe(0)
})

test('README: several apps, streams, and a deploy by code', async () => {
  const [web = 0, admin = 0] = await save('several.js')
  await using service = await Service.start({ script: 'several.js', cwd: home, wait: false })
  await service.untilStderr(/serves/)
  const stream = await Raw.open(web)
  stream.write(get('/events'))
  while (!(await body(admin, '/status')).includes('"/events"'));
  const { pid } = JSON.parse(await body(admin, '/deploy', 'POST')) as { pid: number }
  await service.untilStderr(/1 connections moved/)
  const { length } = stream.text.match(/data/g) ?? ''
  await stream.until((text) => text.includes(`data: ${length + 2}\n`))
  const told = [...stream.text.matchAll(/data: (\d+)/g)].map(([, n]) => Number(n))
  expect(told).toEqual(told.map((_, n) => n + 1))
  expect(JSON.parse(await body(admin, '/status'))).toMatchObject({ pid, generation: 1 })
  process.kill(pid, 'SIGTERM')
  await service.ended
})

test.each(['koa.js', 'fastify.js'])('README: %s', async (script) => {
  const [port = 0] = await save(script)
  await using service = await Service.start({ script, cwd: home, wait: false })
  // Fastify's log is off there, and what is to be known goes to stderr all the same.
  await service.untilStderr(/Generation 0 serves/)
  expect(await body(port)).toBe(`hello from ${service.pid}\n`)
  while (!(await body(port, '/health')).includes('"ready"'));
  service.signal('SIGHUP', service.pid)
  await service.untilStderr(/Received SIGHUP\. Upgrading\.[\s\S]*Generation 1 serves/)
  await service.untilStderr(/Waiting for connections/)
  const pid = Number(/\d+/.exec(await body(port))?.[0])
  expect(JSON.parse(await body(port, '/health'))).toMatchObject({ pid, generation: 1 })
  process.kill(pid, 'SIGTERM')
  await service.ended
})

test('README: any other server', async () => {
  const [port = 0] = await save('echo.js')
  await using service = await Service.start({ script: 'echo.js', cwd: home, wait: false })
  await service.untilStderr(/Generation 0 serves/)
  service.signal('SIGHUP', service.pid)
  await service.untilStderr(/Generation 1 serves/)
  await service.untilStderr(/Waiting for connections/)
  const socket = connect(port, '127.0.0.1').setEncoding('utf8')
  socket.write('hello')
  expect(await once(socket, 'data')).toEqual(['hello'])
  socket.destroy()
  process.kill(Number(/Spawned successor (\d+)/.exec(service.stderr)?.[1]), 'SIGTERM')
  await service.ended
})

test('README: under test', async () => {
  await save('app.test.js')
  execFileSync(process.execPath, ['app.test.js'], { cwd: home, timeout: 20_000 })
})

test('the endless command runs from where npm puts it', () => {
  const run = (...args: string[]): SpawnSyncReturns<string> =>
    spawnSync(join(home, 'node_modules/.bin/endless'), args, { cwd: home, encoding: 'utf8' })
  expect(run('--version').stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  expect(run('status', '--name', 'nobody-has-this-name').status).toBe(3)
})

// What else a stranger may have around them.
commonjs(home)
types(home)
runners(home)
