#!/usr/bin/env node
// A supervisor does next to nothing, and lives long: the compilers that make hot code fast would only make it
// larger, by some MB. Before anything else is loaded, or they are in memory already.
if (process.argv[2] === 'start') {
  const { setFlagsFromString } = require('node:v8')
  for (const one of ['opt', 'maglev', 'sparkplug']) setFlagsFromString(`--no-${one}`)
}
const { run } = require('../dist/index.js')

// Not process.exit: what was written to a pipe has to get there first.
run(process.argv.slice(2)).then((code) => {
  process.exitCode = code
})
