import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const mark = join(process.env.LIVE ?? '.', 'broken')

/** What a release that does not work does when it starts. */
export function checkRelease() {
  if (existsSync(mark)) throw new Error('this release is broken: it throws when it starts')
}

/** Whatever starts until `work` is done is of a release that does not work. */
export async function whileBroken(work) {
  writeFileSync(mark, '')
  try {
    return await work()
  } finally {
    rmSync(mark)
  }
}
