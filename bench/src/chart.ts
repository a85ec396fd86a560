import { parse, View } from 'vega'
import { compile, type TopLevelSpec } from 'vega-lite'
import { bucket } from './timeline.js'
import type { Trial } from './trial.js'

const width = 780
const height = 78
/** Under the responses, for what failed: a part of their height. */
const strip = { from: 0.05, to: 0.15 }
const colors = ['#4c78a8', '#f2a444', '#6aaa64', '#9d79b9', '#5fb7b3', '#a8795c']
const ink = { text: '#24292f', faint: '#6e7781', grid: '#eaeef2', failed: '#d1242f' }

type Panel = Extract<TopLevelSpec, { vconcat: unknown }>['vconcat'][number]

/** An SVG: per contender, responses by generation over time. */
export function chartOf(trials: readonly Trial[]): Promise<string> {
  const seconds = Math.max(...trials.map(({ timeline }) => timeline.end)) / 1000
  const top = Math.max(...trials.map(peakOf)) * 1.05
  const spec: TopLevelSpec = {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    background: 'white',
    padding: 20,
    title: {
      text: 'Requests by generation, through upgrades under load',
      subtitle: [
        `Responses per ${bucket} ms, coloured by the process that gave them.`,
        'Dashed: the signal to upgrade. Red: requests failed.',
      ],
      anchor: 'start',
      offset: 16,
    },
    spacing: 18,
    vconcat: trials.map((trial, n) => panelOf(trial, seconds, top, n === trials.length - 1)),
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

function panelOf(trial: Trial, seconds: number, top: number, isLast: boolean): Panel {
  const { title, totals, timeline } = trial
  const y = { domain: [-top * strip.to, top], nice: false }
  const x = {
    type: 'quantitative' as const,
    scale: { domain: [0, seconds], nice: false },
    axis: { title: isLast ? 'seconds' : null, grid: false, tickMinStep: 1, labelFlush: false },
  }
  return {
    width,
    height,
    title: {
      text: title.replaceAll('`', ''),
      subtitle: `${count(totals.failed)} failed, ${count(totals.reconnects)} forced reconnects`,
      anchor: 'start',
    },
    layer: [
      {
        data: {
          values: timeline.slices.map((slice) => ({ ...slice, ...span(slice) })),
        },
        mark: { type: 'bar', stroke: null },
        encoding: {
          x: { field: 'from', bin: 'binned', ...x },
          x2: { field: 'to' },
          y: {
            field: 'responses',
            type: 'quantitative',
            stack: 'zero',
            scale: y,
            axis: { title: `per ${bucket} ms`, values: gridValues(top), labelOverlap: false },
          },
          color: {
            field: 'generation',
            type: 'ordinal',
            scale: { range: colors },
            legend: {
              title: null,
              labelExpr: '"generation " + datum.label',
              orient: 'top',
              direction: 'horizontal',
              symbolType: 'square',
              symbolStrokeWidth: 0,
            },
          },
        },
      },
      {
        data: { values: timeline.failures.map(span) },
        mark: { type: 'rect', color: ink.failed },
        encoding: {
          x: { field: 'from', ...x },
          x2: { field: 'to' },
          y: { datum: -top * strip.from, type: 'quantitative', scale: y },
          y2: { datum: -top * strip.to },
        },
      },
      {
        data: { values: timeline.upgrades.map(({ at }) => ({ at: at / 1000 })) },
        mark: { type: 'rule', color: ink.text, strokeDash: [4, 3], strokeWidth: 1.2 },
        encoding: { x: { field: 'at', ...x } },
      },
    ],
  }
}

/** A bucket in seconds. */
function span({ at }: { readonly at: number }): { from: number; to: number } {
  return { from: at / 1000, to: (at + bucket) / 1000 }
}

/** The most responses in one bucket, of all generations. */
function peakOf({ timeline }: Trial): number {
  const sums = new Map<number, number>()
  for (const { at, responses } of timeline.slices) sums.set(at, (sums.get(at) ?? 0) + responses)
  return Math.max(1, ...sums.values())
}

/** None below zero, where failures are shown. */
function gridValues(top: number): number[] {
  const step = top > 400 ? 200 : top > 200 ? 100 : top > 80 ? 50 : 20
  return Array.from({ length: Math.floor(top / step) + 1 }, (_, n) => n * step)
}

function count(n: number): string {
  return n.toLocaleString('en')
}
