// `endless start --ready-fd`: whoever left a descriptor open hears when all serve, and the workers do not have it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { Command } from './support/command.js'
import { bin, controlInADirectory } from './support/fleet.js'

/** By a fifo, as s6 does; Node's own pipes are sockets. */
const shell = (fd: number): string =>
  `exec 3>&1 1>&2; exec bash -c 'exec ${fd}>&3; [ ${fd} = 3 ] || exec 3>&-; exec "$@"' - "$@"`

test.each([3, 9, 100])(
  'fd %i: a newline, then the end, once all serve; no worker has it',
  async (fd) => {
    const control = controlInADirectory()
    const script = join(dirname(control), 'server.mjs')
    writeFileSync(script, "import { createServer } from 'node:http'\ncreateServer().listen(0)\n")
    const words = [
      'start',
      '--control',
      control,
      '-w',
      '2',
      '--probation',
      '0',
      '--ready-fd',
      `${fd}`,
    ]
    // cat makes a pipe of the kernel's of it.
    const line = `{ ${shell(fd)}; } | { cat; echo end; }`
    const args = ['-c', line, '-', process.execPath, bin, ...words, script]
    const child = spawn('bash', args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NODE_OPTIONS: '' },
    })
    const pids = new Set<number>()
    onTestFinished(async () => {
      for (const pid of pids) process.kill(pid, 'SIGTERM')
      if (child.exitCode === null) await once(child, 'exit')
    })
    let said = ''
    const supervisor = new Promise<number>((done, failed) => {
      child.stderr.setEncoding('utf8').on('data', (some: string) => {
        said += some
        const [, pid] = / supervisor pid (\d+)/.exec(said) ?? []
        if (pid) done(Number(pid))
      })
      child.once('exit', () => failed(new Error(said)))
    })
    const heard = new Promise<string>((done) => {
      let all = ''
      child.stdout.setEncoding('utf8').on('data', (some: string) => {
        all += some
        if (all.endsWith('end\n')) done(all)
      })
    })
    supervisor.then((pid) => pids.add(pid)).catch(() => {})
    // cat ends when nobody has the pipe any more: not the supervisor, not a worker.
    expect(await Promise.race([heard, supervisor.then(() => delay(5_000, 'is still open'))])).toBe(
      '\nend\n',
    )
    await supervisor
    expect(said.match(/Worker \d, pid \d+, serves/g)).toHaveLength(2)
  },
)

test.each(['3', '0', '1', 'x'])('fd %s that nobody has left open: wrong usage', async (fd) => {
  const { code, stderr } = await new Command(['start', '--ready-fd', fd, 'server.js']).ended
  expect(code).toBe(2)
  expect(stderr).toContain("option '--ready-fd <n>' argument")
})
