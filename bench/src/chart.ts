import { parse, View } from 'vega'
import { compile, type TopLevelSpec } from 'vega-lite'
import { dotsOf, marksOf } from './dots.js'
import type { Trial } from './trial.js'

const width = 780
const height = 90
/** The app waits for 2 ms, or what its timer takes for that. Below is room for what failed. */
const floor = 0.85
const strip = { from: 0.9, to: 1.1 }
const grid = [2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000]
const colors = ['#4c78a8', '#e8892b', '#4f9e4a', '#9467bd', '#2aa5a0', '#a8795c']
const ink = { text: '#24292f', faint: '#6e7781', grid: '#eaeef2', failed: '#d1242f' }

type Panel = Extract<TopLevelSpec, { vconcat: unknown }>['vconcat'][number]

/** What all panels share. */
interface Frame {
  readonly seconds: number
  /** In ms. */
  readonly top: number
}

/** An SVG: per contender, the latency of each request over time. */
export function chartOf(trials: readonly Trial[]): Promise<string> {
  const seconds = Math.max(...trials.map(({ timeline }) => timeline.end)) / 1000
  const slowest = Math.max(...trials.map(({ timeline }) => timeline.latencies.max))
  const frame = { seconds, top: Math.max(20, slowest * 1.2) }
  const spec: TopLevelSpec = {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    background: 'white',
    padding: 20,
    title: {
      text: 'Each request, through deploys under load',
      subtitle: [
        'A dot is an answer: when it came, how long it took, and by which process.',
        'Dots that would lie on each other are drawn once.',
        'Dashed: the signal to upgrade. Red: requests failed.',
      ],
      anchor: 'start',
      offset: 16,
    },
    spacing: 16,
    vconcat: trials.map((trial, n) => panelOf(trial, frame, n === trials.length - 1)),
    resolve: { scale: { color: 'shared' } },
    config: {
      font: 'system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif',
      view: { stroke: null },
      title: {
        color: ink.text,
        fontSize: 14,
        subtitleColor: ink.faint,
        subtitleFontSize: 12,
        subtitlePadding: 4,
      },
      axis: {
        labelColor: ink.faint,
        labelFontSize: 11,
        titleColor: ink.faint,
        titleFontWeight: 'normal',
        titleFontSize: 11,
        gridColor: ink.grid,
        domainColor: ink.faint,
        tickColor: ink.faint,
      },
      legend: { labelColor: ink.text, titleColor: ink.text, labelFontSize: 12, titleFontSize: 12 },
    },
  }
  return new View(parse(compile(spec).spec), { renderer: 'none' }).toSVG()
}

function panelOf(trial: Trial, { seconds, top }: Frame, isLast: boolean): Panel {
  const { title, isControl, timeline } = trial
  const x = {
    type: 'quantitative' as const,
    scale: { domain: [0, seconds], nice: false },
    axis: { title: isLast ? 'seconds' : null, grid: false, tickMinStep: 1, labelFlush: false },
  }
  const scale = { type: 'log' as const, domain: [floor, top], nice: false }
  const area = { width, height, seconds, floor, top }
  return {
    width,
    height,
    title: {
      text: title.replaceAll('`', ''),
      subtitle: summaryOf(trial),
      anchor: 'start',
    },
    layer: [
      {
        data: { values: isControl ? [] : timeline.upgrades.map(({ at }) => ({ at: at / 1000 })) },
        mark: { type: 'rule', color: ink.text, strokeDash: [4, 3], strokeWidth: 1.2 },
        encoding: { x: { field: 'at', ...x } },
      },
      {
        data: { values: dotsOf(timeline.samples, area) },
        // Lines of no length, with round ends: a tenth of what as many circles weigh.
        mark: {
          type: 'line',
          strokeCap: 'round',
          strokeWidth: 2,
          invalid: 'break-paths-show-domains',
        },
        encoding: {
          x: { field: 'second', ...x },
          y: {
            field: 'latency',
            type: 'quantitative',
            scale,
            axis: {
              title: 'ms',
              values: grid.filter((value) => value <= top),
              labelOverlap: false,
            },
          },
          order: { field: 'n' },
          color: {
            field: 'generation',
            type: 'ordinal',
            scale: { range: colors },
            legend: {
              title: null,
              labelExpr: '"generation " + datum.label',
              orient: 'top',
              direction: 'horizontal',
              symbolType: 'circle',
              symbolSize: 16,
              symbolStrokeWidth: 5,
            },
          },
        },
      },
      {
        data: { values: marksOf(timeline.failures, area) },
        mark: { type: 'rect', color: ink.failed },
        encoding: {
          x: { field: 'from', ...x },
          x2: { field: 'to' },
          y: { datum: strip.from, type: 'quantitative', scale },
          y2: { datum: strip.to },
        },
      },
    ],
  }
}

function summaryOf({ totals, timeline }: Trial): string {
  const { p99, max } = timeline.overUpgrades
  return [
    `${count(totals.failed)} of ${count(totals.sent)} failed, ${count(totals.reconnects)} forced reconnects`,
    `over upgrades p99 ${p99.toFixed(1)}, max ${max.toFixed(1)} ms`,
  ].join('; ')
}

function count(n: number): string {
  return n.toLocaleString('en')
}
