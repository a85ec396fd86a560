/** A service that can be upgraded; nothing of it runs before `start()`. */
export interface Upgradable extends AsyncDisposable {
  /** Settles with its port when it serves. */
  start(): Promise<number>
  /** As a deploy does it; settles when the old process is gone. */
  upgrade(): Promise<void>
  /** Ends it in order. */
  stop(): Promise<void>
}
