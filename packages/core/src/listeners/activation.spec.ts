import { afterEach, describe, expect, test, vi } from 'vitest'
import { boundAddress, type Handle, openFd } from '../node/index.js'
import { takeActivated } from './activation.js'

// The fds from 3 on are those of the test runner here: nothing may open them.
vi.mock('../node/handle.js', () => ({ openFd: vi.fn(), boundAddress: vi.fn() }))

afterEach(() => vi.resetAllMocks())

const address = { address: '::', family: 'IPv6', port: 8000 }
const notASocket = -22

function handle(fd: number): Handle {
  return { fd, listen: () => 0, close: () => {} }
}

function activated(more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  return { PATH: '/bin', LISTEN_PID: String(process.pid), LISTEN_FDS: '2', ...more }
}

describe('the environment', () => {
  test.each([
    ['ours', activated({ LISTEN_FDNAMES: 'a:b' })],
    ["another process's", activated({ LISTEN_PID: '1' })],
    ['half of it', { PATH: '/bin', LISTEN_FDNAMES: 'a' }],
    ['none', { PATH: '/bin' }],
  ])('is rid of it, whatever it says: %s', (_, env) => {
    vi.mocked(openFd).mockReturnValue(notASocket)
    takeActivated(env)
    expect(env).toEqual({ PATH: '/bin' })
  })

  test('is the one of the process, unless told otherwise', () => {
    Object.assign(process.env, { LISTEN_PID: '1', LISTEN_FDS: '1', LISTEN_FDNAMES: 'x' })
    expect(takeActivated()).toEqual([])
    expect(Object.keys(process.env).filter((name) => name.startsWith('LISTEN_'))).toEqual([])
  })
})

describe('no fd is touched', () => {
  test.each([
    ['it was meant for another pid', activated({ LISTEN_PID: String(process.ppid) })],
    ['it says for nobody', activated({ LISTEN_PID: undefined })],
    ['it says nothing', activated({ LISTEN_PID: 'x' })],
    ['there is no number of fds', activated({ LISTEN_FDS: undefined })],
    ['the number is 0', activated({ LISTEN_FDS: '0' })],
    ['the number is none', activated({ LISTEN_FDS: 'two' })],
    ['the number is negative', activated({ LISTEN_FDS: '-1' })],
  ])('when %s', (_, env) => {
    expect(takeActivated(env)).toEqual([])
    expect(openFd).not.toHaveBeenCalled()
  })
})

describe('what systemd passed', () => {
  test('is the fds from 3 on, named in their order', () => {
    vi.mocked(openFd).mockImplementation(handle)
    vi.mocked(boundAddress).mockReturnValue(address)
    const all = takeActivated(activated({ LISTEN_FDS: '3', LISTEN_FDNAMES: 'web::admin' }))
    expect(vi.mocked(openFd).mock.calls).toEqual([[3], [4], [5]])
    expect(all.map(({ fd, alias }) => [fd, alias])).toEqual([
      [3, 'web'],
      [4, 'unknown'],
      [5, 'admin'],
    ])
    expect(all[0]).toMatchObject({ handle: { fd: 3 }, bound: address })
  })

  test('has the name "unknown" where there are no names', () => {
    vi.mocked(openFd).mockReturnValue(notASocket)
    expect(takeActivated(activated())).toEqual([
      { fd: 3, alias: 'unknown' },
      { fd: 4, alias: 'unknown' },
    ])
  })

  test('is a file, and no listener, where the fd is no stream socket', () => {
    vi.mocked(openFd).mockImplementation((fd) => (fd === 3 ? notASocket : handle(fd)))
    vi.mocked(boundAddress).mockReturnValue(address)
    const all = takeActivated(activated({ LISTEN_FDNAMES: 'udp:web' }))
    expect(all[0]).toEqual({ fd: 3, alias: 'udp' })
    expect(all[1]).toMatchObject({ fd: 4, alias: 'web', bound: address })
  })
})
