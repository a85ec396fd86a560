/**
 * For packages of the project that move what is built on `ws`: no public API.
 * @packageDocumentation
 * @internal
 */
export { tryToCarry } from './carriage.js'
export { isPromise } from './handlers.js'
export { type Inside, isStill, setGone, termsOf } from './internals.js'
export { strangenessOf } from './understands.js'
export { type Window, windowOf } from './window.js'
