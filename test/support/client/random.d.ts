export type Random = () => number
/** mulberry32: numbers in [0, 1), the same ones for the same seed. */
export declare function seeded(seed: number): Random
/** An integer from `min` to `max`, both included. */
export declare function between(random: Random, min: number, max: number): number
//# sourceMappingURL=random.d.ts.map
