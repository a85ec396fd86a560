// `npm run demo:live`: a service of two workers, and a page that shows what its clients see of deploys.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const bin = resolve(import.meta.dirname, '../../packages/cli/bin/endless.js')
const directory = mkdtempSync(join(tmpdir(), 'endless-live-'))
const control = join(directory, 'control.sock')
// So that one can deploy again soon: by default a release is watched for 5 s.
const args = ['start', '-w', '2', '--probation', '1000', '--control', control, '--ready-fd', '3']
const port = process.env.PORT ?? '8000'

const supervisor = spawn(process.execPath, [bin, ...args, 'server.js'], {
  cwd: import.meta.dirname,
  stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
  // A terminal sends its signals to the whole group: this one hears them alone, and passes on one.
  detached: true,
  env: { ...process.env, PORT: port, LIVE: directory, LIVE_CONTROL: control },
})
supervisor.stdio[3].once('data', () =>
  console.log(`Open http://localhost:${port}/ in two tabs, and deploy. Ctrl-C ends it.`),
)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.on(signal, () => supervisor.kill('SIGTERM'))
supervisor.on('exit', (code) => {
  rmSync(directory, { recursive: true, force: true })
  process.exit(code ?? 1)
})
