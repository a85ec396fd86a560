// Other people's tests, each bare and once more with every server attached: prints those whose outcome differs.
//
//   npm run test:peers -- ../node --match 'parallel/test-http-.*\.js$'
//   npm run test:peers -- ../express --run 'node_modules/.bin/mocha --reporter tap {file}' --match '^test/.*\.js$'
//   npm run test:peers -- stoppable
//
// A name that is no directory is a package of the npm registry; few of them ship their tests. A checkout needs
// its dependencies installed. Options: --match REGEXP on the paths of test files, --run COMMAND for one {file},
// --node PATH of the Node to use, --timeout SECONDS for one file (60).
import { spawn, spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    match: {
      type: 'string',
      default: String.raw`^(test|tests|spec)/(?!.*(fixtures|support|helpers?)/).*\.[cm]?js$`,
    },
    run: { type: 'string' },
    node: { type: 'string', default: process.execPath },
    timeout: { type: 'string', default: '60' },
  },
})
const preload = pathToFileURL(join(import.meta.dirname, 'peers/attach.js')).href
const home = mkdtempSync(join(tmpdir(), 'peers-'))
process.once('exit', () => rmSync(home, { recursive: true, force: true }))

/** A package as it is published, with what it is developed with. */
function unpacked(name) {
  const directory = join(home, name.replaceAll('/', '+'))
  mkdirSync(directory)
  const npm = (cwd, ...args) => {
    const { status, stdout } = spawnSync('npm', args, { cwd, encoding: 'utf8' })
    if (status !== 0) throw new Error(`npm ${args.join(' ')} failed in ${cwd}`)
    return stdout
  }
  const [{ filename }] = JSON.parse(npm(directory, 'pack', name, '--json'))
  spawnSync('tar', ['xzf', filename], { cwd: directory })
  const root = join(directory, 'package')
  npm(root, 'install', '--ignore-scripts', '--no-audit', '--no-fund')
  return root
}

function testFiles(root) {
  const match = new RegExp(values.match)
  return readdirSync(root, { recursive: true })
    .map((path) => relative(root, join(root, path)))
    .filter((path) => !path.includes('node_modules') && match.test(path))
    .filter((path) => statSync(join(root, path)).isFile())
    .sort()
}

/** What runs one file: what was asked for, or mocha where the package has it, or Node with the file's own flags. */
function commandOf(root, file) {
  const mocha = join(root, 'node_modules/.bin/mocha')
  const template =
    values.run ?? (existsSync(mocha) ? `${mocha} --exit --reporter tap {file}` : undefined)
  if (template) return template.replaceAll('{file}', file).split(/\s+/)
  const flags = /^\/\/ Flags: (.*)$/m.exec(readFileSync(join(root, file), 'utf8'))?.[1] ?? ''
  return [...flags.split(/\s+/).filter(Boolean), file]
}

/** @returns the outcome of each test in the file: those of its TAP, and the file as a whole */
async function outcomes(root, file, way) {
  const [first, ...rest] = commandOf(root, file)
  // Scripts of packages run by the same Node as well.
  const isNode = first === 'node'
  const args = isNode ? rest : [first, ...rest]
  const child = spawn(values.node, args, {
    cwd: root,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      NODE_OPTIONS: `--import=${preload}`,
      NODE_ENV: 'test',
      PEERS: way,
      PEERS_COUNT: join(home, 'count'),
    },
  })
  let [output, timedOut] = ['', false]
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text) => {
      output += text
    })
  const timer = setTimeout(() => {
    timedOut = true
    // Its own group: what it has started goes with it.
    process.kill(-child.pid, 'SIGKILL')
  }, Number(values.timeout) * 1_000)
  const [code, signal] = await new Promise((done) => {
    child.once('close', (...end) => done(end))
  })
  clearTimeout(timer)
  const found = new Map()
  for (const [, not, name] of output.matchAll(/^\s*(not )?ok \d+ (?:- )?(.*?)(?: # time=.*)?$/gm)) {
    // Several may have the same name.
    let [unique, n] = [name, 2]
    while (found.has(unique)) unique = `${name} (${n++})`
    found.set(unique, not ? 'fails' : 'passes')
  }
  found.set(
    '(the file)',
    timedOut ? 'hangs' : code === 0 ? 'passes' : `ends with ${signal ?? code}`,
  )
  return { found, output }
}

function differences(bare, attached) {
  const names = new Set([...bare.keys(), ...attached.keys()])
  return [...names].filter((name) => bare.get(name) !== attached.get(name))
}

async function compare(root, file) {
  let differing
  let last
  // What differs once may be a test that fails now and then: it has to differ again.
  for (let round = 0; round < 3; round++) {
    const bare = await outcomes(root, file, 'bare')
    const attached = await outcomes(root, file, 'attached')
    const now = differences(bare.found, attached.found)
    differing = differing ? differing.filter((name) => now.includes(name)) : now
    last = { bare, attached }
    if (differing.length === 0) break
  }
  return { differing, ...last }
}

if (positionals.length === 0) {
  console.error('expected a checkout or the name of a package: npm run test:peers -- ../express')
  process.exit(2)
}

let failed = false
for (const peer of positionals) {
  const root = existsSync(peer) ? resolve(peer) : unpacked(peer)
  const files = testFiles(root)
  if (files.length === 0) console.log(`${peer} ships no tests that --match fits: give a checkout`)
  writeFileSync(join(home, 'count'), '')
  let [tests, differ, broken] = [0, 0, 0]
  for (const [n, file] of files.entries()) {
    if (process.stderr.isTTY) process.stderr.write(`\r${n + 1}/${files.length} `)
    const { differing, bare, attached } = await compare(root, file)
    tests += bare.found.size
    broken += [...bare.found.values()].filter((outcome) => outcome !== 'passes').length
    differ += differing.length
    for (const name of differing) {
      console.log(
        `${file}: ${name}: ${bare.found.get(name)} bare, ${attached.found.get(name)} attached`,
      )
      if (name === '(the file)')
        console.log(attached.output.split('\n').slice(0, 30).join('\n    '))
    }
  }
  const attachments = readFileSync(join(home, 'count'), 'utf8').length
  console.log(
    `${peer}: ${files.length} files, ${tests} outcomes (${broken} no pass even bare), ` +
      `${attachments} servers attached: ${differ} differ`,
  )
  // What compares nothing must not look like a success.
  if (differ > 0 || attachments === 0) failed = true
}
process.exit(failed ? 1 : 0)
