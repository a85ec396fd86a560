import { defineConfig } from 'vitest/config'

/** By `npm run test:apps`: they have a config of their own. */
const heavy = 'test/apps/heavy/**'
/** The same once more in other places, and what goes wrong seldom: by `npm run test:long`, not with each change. */
const long = [
  'test/oldest.test.ts',
  'test/apps/fleet.test.ts',
  'test/supervised.test.ts',
  'test/supervised.frameworks.test.ts',
  'test/systemd{,.alone,.docs}.test.ts',
  'test/{supervisord,s6,runit,readyfd}.test.ts',
  'test/wild/shells.test.ts',
  'test/proxies{,.idle,.kept}.test.ts',
  'test/control.service.test.ts',
  'test/containers.test.ts',
  'test/apps/unmodified.test.ts',
  'test/fleet.{app,deploy,disk,faults,limits,output}.test.ts',
]
const isLong = process.env.LONG === '1'
/** These take longer then. */
const longer = [
  'test/express.test.ts',
  'test/koa.test.ts',
  'test/fuzz.test.ts',
  'test/live.test.ts',
  'test/migration.leak.test.ts',
  'test/socketio{,.faults}.test.ts',
  'test/carry.faults.test.ts',
]
const crowd = 'test/ws.crowd.test.ts'
const underFire = [
  'test/load.test.ts',
  'test/migration.test.ts',
  'test/ws.test.ts',
  'test/channel.test.ts',
  ...(isLong ? [crowd] : []),
]

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['packages/*/src/**/*.spec.ts', 'test/support/**/*.spec.ts'],
          pool: 'forks',
          maxWorkers: 3,
        },
      },
      {
        // Real processes and real signals. They wait most of the time: three files side by side.
        test: {
          name: 'process',
          include: isLong ? [...long, ...longer] : ['test/**/*.test.ts'],
          exclude: [...underFire, crowd, heavy, ...(isLong ? [] : long), '**/node_modules/**'],
          pool: 'forks',
          isolate: false,
          maxWorkers: 3,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        // A load that leaves no core idle: nothing beside it.
        test: {
          name: 'fire',
          include: underFire,
          pool: 'forks',
          isolate: false,
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
})
