import { setTimeout as delay } from 'node:timers/promises'
import { after } from 'next/server'

export async function GET() {
  await delay(300)
  after(async () => {
    await delay(1_500)
    console.error('after the response')
  })
  return new Response('done\n')
}
