import { expect, test } from 'vitest'
import { callerOf } from './others.js'

/** Above the caller stand the message, our own listener, whoever wrapped `emit`, and Node. */
const stackOf = (...lines: string[]): string =>
  [
    'Error',
    '    at process.watch (/core/others.js:1:1)',
    '    at process.emit (/srv/node_modules/wrapper/index.js:1:1)',
    '    at _addListener (node:events:1:1)',
    '    at process.once (node:events:1:1)',
    ...lines,
  ].join('\n')

test.each([
  [
    'a package',
    '    at once (/srv/node_modules/.pnpm/a@1/node_modules/close-with-grace/index.js:3:4)',
    'close-with-grace',
  ],
  ['a package with a scope', '    at f (/srv/node_modules/@nestjs/core/a.js:3:4)', '@nestjs/core'],
  ['a file', '    at Object.<anonymous> (/srv/app.js:3:4)', '/srv/app.js'],
  ['a module', '    at file:///srv/my%20app.mjs:3:4', '/srv/my app.mjs'],
  ['a file on Windows', '    at f (C:\\srv\\app.js:3:4)', 'C:\\srv\\app.js'],
  ['nobody', '    at f (node:internal/a:1:1)', undefined],
])('%s', (_, line, caller) => {
  expect(callerOf(stackOf(line))).toBe(caller)
})
