import type { ToPredecessor, ToSuccessor, Word } from './messages.js'

const words: readonly string[] = [
  'said',
  'heard',
  'speak',
  'listen',
  'want',
] satisfies Word['endless'][]

/** Whether it is about channels of the app. */
export function isWord(message: ToPredecessor | ToSuccessor): message is Word {
  return words.includes(message.endless)
}
