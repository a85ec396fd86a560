import { describe, expect, test } from 'vitest'
import { forkerOf, launcherAmong } from './launcher.js'

/** From the parent up; each is one command line, and the last is pid 1 where that says so. */
function chain(lines: readonly string[], { toPid1 = false } = {}) {
  return lines.map((line, n) => ({
    pid: toPid1 && n === lines.length - 1 ? 1 : 100 - n,
    // npm and pm2 make one text of theirs.
    words: /^(npm|PM2|nodemon)/.test(line) ? [line] : line.split(' '),
  }))
}

describe('whoever waits for us', () => {
  test.each<[string, readonly string[], RegExp]>([
    ['pm2', ['PM2 v7.0.4: God Daemon (/root/.pm2)'], /started by pm2: .*`pm2 reload`/],
    ['pm2, by npm', ['npm start', 'PM2 v7.0.4: God Daemon (/root/.pm2)'], /started by pm2/],
    ['nodemon', ['nodemon'], /started by nodemon: .*let it restart the app/],
    ['nodemon, not renamed', ['/usr/bin/node /x/nodemon/bin/nodemon.js app.js'], /by nodemon/],
    ['nodemon, by a shell', ['sh -c node app.js', 'nodemon'], /by nodemon/],
    ['node --watch', ['/usr/bin/node --watch app.js'], /by node --watch/],
    ['node --watch-path', ['node --watch-path=src --inspect app.js'], /by node --watch/],
    ['tsx watch', ['node /x/node_modules/tsx/dist/cli.mjs watch app.ts'], /by tsx watch/],
  ])('is known: %s', (_, lines, why) => {
    expect(launcherAmong(chain(lines))?.why).toMatch(why)
  })

  test('nodemon restarts by USR2: that is left to it', () => {
    expect(launcherAmong(chain(['nodemon']))?.signals).toEqual(['SIGUSR2'])
    expect(launcherAmong(chain(['node --watch app.js']))?.signals).toEqual([])
  })
})

describe('a first process of a container that ends with us', () => {
  test.each<[string, readonly string[]]>([
    ['tini', ['/sbin/tini -- node app.js']],
    ['docker --init', ['/sbin/docker-init -- node app.js']],
    ['dumb-init', ['dumb-init node app.js']],
    ['npm start', ['npm start']],
    ['npm start, by a shell', ['sh -c node app.js', 'npm start']],
    ['npm, not renamed', ['node /usr/lib/node_modules/npm/bin/npm-cli.js start']],
    ['a shell', ['/bin/sh -c node app.js; true']],
    ['bash -ec', ['bash -ec node app.js']],
    ['tsx', ['node /x/node_modules/tsx/dist/cli.mjs app.ts', 'npm start']],
    ['all of them', ['sh -c node app.js', 'npm start', '/bin/sh -c npm start', 'tini -- sh']],
  ])('is known: %s', (_, lines) => {
    expect(launcherAmong(chain(lines, { toPid1: true }))?.why).toMatch(/^pid 1 \(.*\) ends with/)
  })

  test('is none where the chain does not lead to it', () => {
    expect(launcherAmong(chain(['npm start', '-bash'], { toPid1: true }))).toBeUndefined()
  })
})

test.each<[string, readonly string[]]>([
  ['a shell that one types in', ['-bash']],
  ['a script that runs on', ['bash /srv/deploy.sh', '/sbin/init']],
  ['systemd', ['/sbin/init']],
  ['supervisord', ['/usr/bin/python3 /usr/bin/supervisord -n']],
  ['npm in a terminal', ['npm start', '-zsh', 'sshd: me', '/sbin/init']],
  ['the predecessor', ['/usr/bin/node app.js', 'nodemon']],
  ['an app whose own option is --watch', ['node app.js --watch', '/sbin/init']],
  ['nobody', []],
])('whoever does not wait is no reason: %s', (_, lines) => {
  expect(launcherAmong(chain(lines, { toPid1: true }))).toBeUndefined()
})

describe('whoever forked us with an IPC channel waits for us', () => {
  test('and is named', () => {
    expect(forkerOf(chain(['node master.js']), true)?.why).toMatch(
      /^forked by node master\.js \(pid 100\) with an IPC channel/,
    )
    expect(forkerOf([], true)?.why).toMatch(/^forked by its parent with/)
  })

  test('but not without one, nor when it only runs the app', () => {
    expect(forkerOf(chain(['node master.js']), false)).toBeUndefined()
    expect(forkerOf(chain(['node /x/node_modules/tsx/dist/cli.mjs app.ts']), true)).toBeUndefined()
  })
})

test('a shell that leads the session of a terminal and ends with us would hang it up', () => {
  const [parent, leader] = chain(['sh -c node app.js', '-bash'])
  const leads = { leadsTerminal: true }
  expect(launcherAmong([{ ...parent, ...leads }] as never)?.why).toMatch(
    /led by sh -c node app\.js, /,
  )
  expect(launcherAmong([parent, { ...leader, ...leads }] as never)).toBeUndefined()
})
