import { test } from 'vitest'
import { commandsOf, startExample } from './support/example.js'
import { Speech, Talker } from './support/mqtt.js'
test('x', async () => {
  const [command] = commandsOf('mqtt')
  await using service = await startExample(command as never)
  const t0 = Date.now()
  const log = (s: string) => console.log(Date.now() - t0, s)
  const N = Number(process.env.N ?? 50)
  const talkers = await Promise.all(Array.from({ length: N }, (_, n) => Talker.connect(service.port(), `client ${n}`)))
  log('connected')
  const speeches: Speech[] = []
  for (const [n, t] of talkers.entries()) {
    await t.client.subscribeAsync(`${n}/+`, { qos: 2 })
    for (const qos of (process.env.Q ?? '012').split('').map(Number)) speeches.push(new Speech(t, `${n}/${qos}`, qos as never, 20 + n))
  }
  log('speaking')
  await new Promise((d) => setTimeout(d, 1000))
  log('said ' + speeches.reduce((s, { said }) => s + said, 0))
  for (let n = 0; n < 3; n++) {
  try { await Promise.race([service.upgrade(), new Promise((d) => setTimeout(d, 8000))]) } catch (e) { log(String(e)) }
  log('upgraded; said ' + speeches.reduce((s, { said }) => s + said, 0))
  }
  const stuck: string[] = []
  await Promise.all(speeches.map((s) => Promise.race([s.stop(), new Promise((d) => setTimeout(d, 4000)).then(() => stuck.push(s.topic + ' ' + s.said))])))
  log('stuck ' + stuck.join(', '))
  for (const [n, t] of talkers.entries()) for (const s of speeches) if (s.topic.startsWith(n + '/')) { const f = t.inbox.faults(s.topic, s.said); if (f.length) console.log(f.slice(0,5)) }
  console.log(talkers.flatMap((t) => t.faults).slice(0, 10))
  console.log(service.stderr)
}, 60000)
