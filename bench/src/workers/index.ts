/** Two workers on two cores: how fast, and what a reload costs. */
export type { RatesPlan } from './rates.js'
export { type RatesCase, ratesCases, ratesOf } from './rates.js'
export type { Reloads, ReloadsCase, ReloadsPlan } from './reloads.js'
export { reloadsCases, reloadsOf } from './reloads.js'
export { type RatesOf, workersParts } from './tables.js'
