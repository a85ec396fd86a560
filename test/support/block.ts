import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { root } from './example.js'
import { fixture, Service } from './service.js'

/**
 * Starts the block of a page that begins with the name of its file, and says what it does.
 * @param listen how it listens there, and how here: on a port that is free
 */
export async function startBlock(
  page: string,
  file: string,
  listen: readonly [there: string, here: string],
): Promise<Service> {
  const blocks = readFileSync(join(root, page), 'utf8').matchAll(/^```js\n(.*?)^```$/gms)
  const [, block] = [...blocks].find(([, text]) => text?.startsWith(`// ${file}\n`)) ?? []
  if (!block?.includes(listen[0])) throw new Error(`${page} has no ${file} with ${listen[0]}`)
  // Where Node finds the packages.
  const path = fixture(`.${process.pid}-${file}`)
  onTestFinished(() => rmSync(path))
  writeFileSync(path, block.replace('\n', "\nimport './report.js'\n").replace(...listen))
  return Service.start({ script: path })
}
