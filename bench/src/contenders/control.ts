import { Endless } from './endless.js'

/** Nothing is sent to it: what is seen where the others are upgraded is noise. */
export class Control extends Endless {
  override async upgrade(): Promise<void> {}
}
