/** Whether all is to be run that is too slow for each change: `npm run test:long`. */
export const isLong: boolean = process.env.LONG === '1'
