/** Times and sizes, as people write and read them. */

const msIn: Readonly<Record<string, number>> = {
  '': 1,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

const bytesIn: Readonly<Record<string, number>> = {
  '': 1,
  k: 1_024,
  m: 1_024 ** 2,
  g: 1_024 ** 3,
}

/** `500`, `500ms`, `30s`, `12h`: in ms; undefined for what is none. */
export function parseTime(text: string): number | undefined {
  return scaled(text.match(/^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/), msIn)
}

/** `500000`, `512M`, `1.5G`, with or without a B: in bytes; undefined for what is none. */
export function parseSize(text: string): number | undefined {
  return scaled(text.toLowerCase().match(/^(\d+(?:\.\d+)?)([kmg])?i?b?$/), bytesIn)
}

function scaled(
  found: RegExpMatchArray | null,
  units: Readonly<Record<string, number>>,
): number | undefined {
  const unit = units[found?.[2] ?? '']
  return found && unit !== undefined ? Math.round(Number(found[1]) * unit) : undefined
}

/** `850 ms`, `12 s`, `3 m 5 s`, `2 h 10 m`, `4 d 3 h`. */
export function showTime(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  const seconds = Math.floor(ms / 1_000)
  const parts: [number, string][] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3_600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ]
  const first = parts.findIndex(([count]) => count > 0)
  const shown = parts.slice(first, first + 2).filter(([count]) => count > 0)
  return shown.map(([count, unit]) => `${count} ${unit}`).join(' ')
}

/** `85.3 MB`: as the tools of a system count, in powers of 1,024. */
export function showSize(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB']
  let [value, at] = [bytes, 0]
  for (; value >= 1_024 && at < units.length - 1; at++) value /= 1_024
  return `${at === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[at]}`
}
