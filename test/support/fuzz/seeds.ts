/** `7`, `3,7` or `1..200`. */
export function seedsOf(text: string): number[] {
  return text.split(',').flatMap((part) => {
    const [first = 0, last = first] = part.split('..').map(Number)
    return Array.from({ length: last - first + 1 }, (_, n) => first + n)
  })
}
