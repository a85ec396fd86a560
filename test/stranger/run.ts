import { spawnSync } from 'node:child_process'
import { expect } from 'vitest'

/** Runs a tool to its end; where it fails, what it printed is in the message. @returns its stdout */
export function run(cwd: string, script: string, ...args: readonly string[]): string {
  // None of the runner that we are in: the tool may be one itself.
  const env = { ...process.env }
  for (const name of ['VITEST', 'NODE_ENV', 'NODE_OPTIONS']) delete env[name]
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], {
    cwd,
    env,
    encoding: 'utf8',
    timeout: 50_000,
  })
  expect(status, `${script} ${args.join(' ')}\n${stdout}${stderr}`).toBe(0)
  return stdout
}
