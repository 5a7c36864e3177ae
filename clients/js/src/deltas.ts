/** Data put together again from the data before and their difference: "Deltas" in the protocol. */

import type { Keeper } from "./following.ts";

interface Delta {
  keep?: [from: number, count: number];
  drop?: string[];
  set?: Record<string, unknown>;
  in?: Record<string, Delta>;
}

type Holder = Record<string, unknown>;

/** Gives the data that differs from `base` by `delta`; `base` stays as it is, and shares its unchanged parts. Throws where they do not fit. */
export function applied(base: unknown, delta: Delta): unknown {
  if (typeof base !== "object" || base === null) throw new TypeError("nothing that a delta could change");
  const { keep: [first, count] = [0, undefined], drop = [], set = {}, in: inner = {} } = delta;
  const made: unknown[] | Holder = Array.isArray(base) ? base.slice(first, count === undefined ? undefined : first + count) : { ...base };
  const holder = made as Holder; // of an array, too: its keys are indices as text
  if (!Array.isArray(made)) for (const key of drop) delete made[key];
  for (const [key, change] of Object.entries(inner)) holder[key] = applied(holder[key], change);
  for (const [key, value] of Object.entries(set)) holder[key] = value;
  return made;
}

/** Hand it to a subscription: `client.subscribe("map", { delta: deltas })`. */
export const deltas = (): Keeper => new Bases();

/**
 * What a channel's publications were, so that the next may be told by what differs.
 *
 * Invariant: nothing that the application has is kept here, so that what it changes changes nothing.
 */
class Bases implements Keeper {
  readonly #bases = new Map<string, { offset: number | undefined; data: unknown }>();

  /** Keeps whole data. */
  keep(entry = "", offset: number | undefined, data: unknown): void {
    if (offset !== undefined) this.#bases.set(entry, { offset, data: structuredClone(data) });
  }

  /** Gives whole data; undefined where what it differs from is not here. */
  whole(entry = "", offset: number | undefined, base: number | undefined, delta: object): { data: unknown } | undefined {
    const before = this.#bases.get(entry);
    if (before?.offset !== base) return undefined;
    try {
      const data = applied(before?.data, delta);
      this.#bases.set(entry, { offset, data });
      return { data: structuredClone(data) };
    } catch {
      return undefined;
    }
  }

  drop(entry?: string): void {
    if (entry === undefined) this.#bases.clear();
    else this.#bases.delete(entry);
  }
}
