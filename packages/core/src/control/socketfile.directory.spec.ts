import {
  chmodSync,
  chownSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { ControlServer } from './server.js'
import { echo } from './specs/serving.js'
import { place } from './specs/talking.js'

const modeOf = (path: string): number => lstatSync(path).mode & 0o777
const isRoot = process.getuid?.() === 0
const nobody = 65_534

function listen(path: string): Promise<ControlServer> {
  const server = new ControlServer(echo)
  onTestFinished(() => server.close())
  return server.listen(path)
}

describe('a directory is refused', () => {
  test.each([[0o775], [0o757], [0o1777]])('with mode %o: others may write', async (mode) => {
    const directory = place()
    chmodSync(directory, mode)
    await expect(listen(join(directory, 'a.sock'))).rejects.toMatchObject({
      code: 'ERR_ENDLESS_CONTROL',
      message: expect.stringMatching(/others may too \(mode 7\d\d\): chmod go-w/),
    })
    expect(readdirSync(directory)).toEqual([])
  })

  test.skipIf(!isRoot)('of another user, or that a link of another user leads to', async () => {
    const directory = place()
    mkdirSync(join(directory, 'theirs'))
    chownSync(join(directory, 'theirs'), nobody, nobody)
    mkdirSync(join(directory, 'ours'))
    symlinkSync('ours', join(directory, 'link'))
    await listen(join(directory, 'link/a.sock'))
    lchownSync(join(directory, 'link'), nobody, nobody)
    for (const name of ['theirs', 'link'])
      await expect(listen(join(directory, name, 'b.sock'))).rejects.toThrow(
        /to be of this user \(uid 0\), it is of uid 65534/,
      )
  })

  test('where it is none', async () => {
    const directory = place()
    writeFileSync(join(directory, 'file'), '')
    await expect(listen(join(directory, 'file/a.sock'))).rejects.toMatchObject({
      code: 'ERR_ENDLESS_CONTROL',
      message: expect.stringMatching(/name a path where this user may write/),
      cause: expect.anything(),
    })
  })

  test('that others may read is none to refuse: the socket is still ours alone', async () => {
    const directory = place()
    chmodSync(directory, 0o755)
    await listen(join(directory, 'a.sock'))
    expect(modeOf(join(directory, 'a.sock'))).toBe(0o600)
  })
})
