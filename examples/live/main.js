// `npm run demo:live`: a service of two workers, and a page that shows what its clients see of deploys.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const bin = resolve(import.meta.dirname, '../../packages/cli/bin/endless.js')
const directory = mkdtempSync(join(tmpdir(), 'endless-live-'))
const control = join(directory, 'control.sock')
// So that one can deploy again soon: by default a release is watched for 5 s.
const args = ['start', '-w', '2', '--probation', '1000', '--control', control, 'server.js']

const supervisor = spawn(process.execPath, [bin, ...args], {
  cwd: import.meta.dirname,
  stdio: ['ignore', 'inherit', 'inherit'],
  env: { ...process.env, LIVE: directory, LIVE_CONTROL: control },
})
// Ctrl-C reaches both; a TERM only this one.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => supervisor.kill('SIGTERM'))
supervisor.on('exit', (code) => {
  rmSync(directory, { recursive: true, force: true })
  process.exit(code ?? 1)
})
