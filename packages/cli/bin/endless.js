#!/usr/bin/env node
const { run } = require('../dist/index.js')

// Not process.exit: what was written to a pipe has to get there first.
run(process.argv.slice(2)).then((code) => {
  process.exitCode = code
})
