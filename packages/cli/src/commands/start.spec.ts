import { execFileSync } from 'node:child_process'
import { CommanderError } from 'commander'
import { expect, test } from 'vitest'
import { takesValue } from '../nodeoptions.js'
import { Output } from '../output.js'
import type { StartOptions } from '../startoptions.js'
import { startCommand } from './start.js'

const output = new Output(process.stdout, process.stderr)

async function parsed(line: string): Promise<StartOptions | undefined> {
  let found: StartOptions | undefined
  const command = startCommand(output, async (_, options) => {
    found = options
  })
  command.exitOverride().configureOutput({ writeErr: () => {}, writeOut: () => {} })
  await command.parseAsync(line.split(' '), { from: 'user' })
  return found
}

async function refusal(line: string): Promise<string> {
  const error: unknown = await parsed(line).catch((thrown: unknown) => thrown)
  if (!(error instanceof CommanderError)) throw new Error(`expected a refusal, got ${error}`)
  return error.message
}

test('a script alone', async () => {
  expect(await parsed('server.js')).toEqual({ script: 'server.js', args: [], nodeArgs: [] })
})

test.each(['2', '77', 'x'])(
  'a descriptor that nobody left open (%s) is wrong usage',
  async (fd) => {
    expect(await refusal(`--ready-fd ${fd} a.js`)).toMatch(/--ready-fd <n>.*expected/)
  },
)

test('every option, as a supervisor needs it', async () => {
  const line =
    '--workers 4 --name shop --control run/a.sock --hammer-time 60000 --ready-timeout 10s --probation 5000 ' +
    '--shutdown-delay 3s --surge 2 --max-memory 512M --max-age 12h --max-requests 100000 --max-restarts 5 ' +
    '--hang-timeout 30s --on-crash handover --no-prefix --interpreter /opt/node --cwd /srv/app --rebalance a.js'
  expect(await parsed(line)).toEqual({
    workers: 4,
    name: 'shop',
    control: 'run/a.sock',
    hammerTime: 60_000,
    readyTimeout: 10_000,
    probation: 5_000,
    shutdownDelay: 3_000,
    surge: 2,
    maxMemory: 536_870_912,
    maxAge: 43_200_000,
    maxRequests: 100_000,
    maxRestarts: 5,
    hangTimeout: 30_000,
    onCrash: 'handover',
    prefix: false,
    interpreter: '/opt/node',
    cwd: '/srv/app',
    rebalance: true,
    nodeArgs: [],
    script: 'a.js',
    args: [],
  })
})

test.each([
  ['-w max'],
  ['-wmax'],
  ['--workers=max'],
  ['-i max'],
  ['-imax'],
  ['--instances max'],
  ['--instances=max'],
])('%s: one for each core', async (option) => {
  expect(await parsed(`${option} a.js`)).toMatchObject({ workers: 'max', script: 'a.js' })
})

test('--max-memory-restart, as of pm2', async () => {
  for (const option of ['--max-memory-restart 1G', '--max-memory-restart=1G'])
    expect(await parsed(`${option} a.js`)).toMatchObject({ maxMemory: 1_073_741_824 })
})

test('what follows the script is untouched, whatever it looks like', async () => {
  expect(await parsed('-w 2 a.js -w 7 --help --version -- --name=x -i')).toEqual({
    workers: 2,
    script: 'a.js',
    args: ['-w', '7', '--help', '--version', '--', '--name=x', '-i'],
    nodeArgs: [],
  })
  expect(await parsed('-w 2 -- -a.js -- b')).toMatchObject({ script: '-a.js', args: ['--', 'b'] })
  expect(await parsed('help start')).toMatchObject({ script: 'help', args: ['start'] })
})

test("Node's options stand before the script, among ours", async () => {
  const line =
    '--import tsx -w 2 --env-file=.env -r ./a.js --inspect --max-old-space-size=512 -C dev --prefix a.ts --x'
  expect(await parsed(line)).toEqual({
    workers: 2,
    prefix: true,
    script: 'a.ts',
    args: ['--x'],
    nodeArgs: [
      '--import',
      'tsx',
      '--env-file=.env',
      '-r',
      './a.js',
      '--inspect',
      '--max-old-space-size=512',
      '-C',
      'dev',
    ],
  })
  const spaced = ['--node-args', ' --enable-source-maps  --title x', '--expose-gc', 'a.js']
  let found: readonly string[] = []
  await startCommand(output, async (_, { nodeArgs }) => {
    found = nodeArgs
  }).parseAsync(spaced, { from: 'user' })
  expect(found).toEqual(['--enable-source-maps', '--title', 'x', '--expose-gc'])
})

test.each([
  ['-w', /argument missing/],
  ['-w 2', /missing required argument 'script'/],
  ['-w 0 a.js', /expected a number of workers, or max, got "0"/],
  ['--instances many a.js', /expected a number of workers, or max, got "many"/],
  ['--max-memory lots a.js', /expected a size \(512M, 1.5G\), got "lots"/],
  ['--max-age 1w a.js', /expected a time \(500, 30s, 12h\), got "1w"/],
  ['--surge 1.5 a.js', /expected a whole number of 1 or more, got "1.5"/],
  ['--on-crash pray a.js', /Allowed choices are exit, handover/],
  ['--worker 4 a.js', /unknown option '--worker'[\s\S]*Did you mean --workers\?/],
  ['--hamer-time 4 a.js', /Did you mean --hammer-time\?/],
])('refused: %s', async (line, message) => {
  expect(await refusal(line)).toMatch(message)
})

test('every option of this Node that has a value is known', () => {
  const help = execFileSync(process.execPath, ['--help'], { encoding: 'utf8' })
  const lines = help.split('\n').filter((line) => /^ +-.*=\.\.\./.test(line))
  const names = lines.flatMap((line) =>
    [...line.matchAll(/(?:^ +|, )(-{1,2}[a-z][\w-]*)/gi)].map(([, name = '']) => name),
  )
  // Not with a script: those are a script.
  const scripts = ['-e', '--eval', '-p', '--print', '--run']
  expect(names.length).toBeGreaterThan(30)
  expect(names.filter((name) => !takesValue(name) && !scripts.includes(name))).toEqual([])
})
