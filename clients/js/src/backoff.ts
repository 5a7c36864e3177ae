/** How long to wait before the next try: full jitter, so that a thousand clients do not come back at once. */

export interface BackoffOptions {
  /** Upper bound of the first wait, ms. */
  base?: number;
  /** Upper bound of every wait, ms. */
  cap?: number;
}

export class Backoff {
  readonly #base: number;
  readonly #cap: number;
  readonly #random: () => number;
  #tries = 0;

  constructor({ base = 250, cap = 20_000 }: BackoffOptions, random: () => number) {
    this.#base = base;
    this.#cap = cap;
    this.#random = random;
  }

  /** The next wait in ms: anything between nothing and a bound that doubles from `base` to `cap`. */
  next(): number {
    const bound = Math.min(this.#cap, this.#base * 2 ** this.#tries);
    this.#tries += 1;
    return this.#random() * bound;
  }

  reset(): void {
    this.#tries = 0;
  }
}
