// docs/operations.md: what it shows is what there is, and what it says is typed, word for word.
import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { whyNoSystemd } from './support/systemd-box.js'
import { blocksOf, Unit } from './support/unit.js'

const missing = whyNoSystemd()

test('the units on the page are those that are printed', async () => {
  const unit = await Unit.prepare()
  const [service, socket] = blocksOf('ini')
  const flags = ['--user', 'www', '-w', '4']
  const own = unit.print(flags)['shop.service'] ?? ''
  expect(unit.asInDocs(own)).toBe(service)
  expect(unit.print([...flags, '--socket', '8000'])['shop.socket']).toBe(socket)
})

test.skipIf(missing !== '')('what is typed works as it stands there', async () => {
  const unit = await Unit.prepare()
  // The box has the unit files of this test alone.
  await unit.bootWith({ 'none.target': '' })
  const [install = '', deploy = '', look = '', sockets = ''] = blocksOf('sh')
  const type = async (block: string): Promise<string> => {
    let said = ''
    for (const line of unit.localised(block).trim().split('\n')) said += await unit.run(inBox(line))
    return said
  }
  /** There is nothing to enable in the box, no sudo, and units need what the box wants of them. */
  const inBox = (line: string): string => {
    const copy = /^cp (.*) \/etc\/systemd\/system$/.exec(line.replace(/^sudo /, ''))
    if (copy) return `for one in ${copy[1]}; do ${fit}; done`
    return `cd ${unit.current} && ${line.replace('sudo ', '').replace('enable --now', 'start')}`
  }
  const environment = unit.fitted('[Service]\n').trim().replaceAll('\n', '\\n')
  const fit =
    '{ printf "[Unit]\\nDefaultDependencies=no\\n"; ' +
    `sed "s#^\\[Service\\]#${environment}#" $one; } >"$(systemctl show -P UnitPath)/\${one##*/}"`
  await type(install)
  expect(await unit.state()).toMatchObject({ ActiveState: 'active' })
  expect((await unit.answer()).release).toBe('1')
  unit.deploy('42', { current: false })
  expect(await type(deploy)).toMatch(/deployed/)
  expect((await unit.answer()).release).toBe('42')
  expect(await type(look)).toMatch(/Status: "Serving: 4 of 4 workers.*slot.*generation/s)
  await unit.run('systemctl stop shop')
  await type(sockets)
  expect((await unit.state()).ActiveState).toBe('inactive')
  expect((await unit.answer()).release).toBe('42')
  await unit.run('systemctl stop shop shop.socket')
})

test.skipIf(missing !== '')('a failed reload looks as it is shown', async () => {
  const unit = await Unit.boot({ flags: ['-w', '4', '--probation', '0'] })
  await unit.run('systemctl start shop')
  unit.deploy('throws')
  const [shown = ''] = blocksOf('console')
  const plain = (text: string): string => unit.asInDocs(text).replace(/\d+/g, 'N')
  let real = ''
  for (const [, line = ''] of shown.matchAll(/^\$ (?:sudo )?(.*)/gm))
    real += await unit.run(`{ ${line}; } || true`)
  for (const line of shown.split('\n').filter((one) => !one.startsWith('$')))
    expect(plain(real)).toContain(plain(line.split('…')[0] ?? ''))
  await unit.run('systemctl stop shop')
})

test('a path that systemd would remove is refused', async () => {
  const unit = await Unit.prepare()
  const print = () => unit.print(['--socket', '/run/shop/web.sock'])
  expect(print).toThrow(/outside of \/run\/shop/)
})

test('words that mean something to systemd stay what they are', async () => {
  const unit = await Unit.prepare()
  const args = ['a b', '$HOME', '100%', '"', "it's", '\\']
  const text = execFileSync(process.execPath, unit.words('unit', 'server.js', ...args), {
    cwd: unit.current,
    encoding: 'utf8',
  })
  const line = /^ExecStart=.*server\.js (.*)$/m.exec(text)?.[1]
  expect(line).toBe(String.raw`"a b" $$HOME 100%% "\"" "it's" "\\"`)
})
